import type { Context } from "hono";
import type { z } from "zod";
import { parseBody } from "../app/schemas.ts";

/** The request's body; none is `{}`. Throws INVALID_JSON, or VALIDATION_FAILED naming the field. */
export async function jsonBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await context.req.text();
  return parseBody(schema, text === "" ? "{}" : text);
}
