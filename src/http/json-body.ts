import type { Context } from "hono";
import type { z } from "zod";
import { parseBody } from "../app/schemas.ts";
import { AppError } from "../errors.ts";

/** The request's body; none is `{}`. Throws INVALID_JSON, or VALIDATION_FAILED naming the field. */
export async function jsonBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await context.req.text().catch((cause: unknown) => {
    throw new AppError("INVALID_JSON", "The body did not come whole", { cause });
  });
  return parseBody(schema, text === "" ? "{}" : text);
}
