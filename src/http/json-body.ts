import type { Context } from "hono";
import type { z } from "zod";
import { parseBody } from "../app/schemas.ts";
import { AppError } from "../errors.ts";
import { bodyText } from "../transport/body-text.ts";
import type { ApiEnvironment } from "./api.ts";

/**
 * The request's body; none is `{}`. Throws INVALID_JSON, FRAME_TOO_LARGE, or VALIDATION_FAILED naming
 * the field.
 */
export async function jsonBody<Schema extends z.ZodType>(
  context: Context<ApiEnvironment>,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { bodyBytes } = context.env;
  const text = await bodyText(context.req.raw, bodyBytes).catch((cause: unknown) => {
    throw new AppError("INVALID_JSON", "The body did not come whole", { cause });
  });
  if (text === null) {
    throw new AppError("FRAME_TOO_LARGE", `The body has more than ${bodyBytes} bytes`);
  }
  return parseBody(schema, text === "" ? "{}" : text);
}
