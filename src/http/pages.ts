import { z } from "zod";
import { idSchema } from "../app/schemas.ts";

export const LONGEST_PAGE = 200;

export const wholeNumber = z.coerce.number().int().nonnegative();

export const limitSchema = z.coerce
  .number()
  .int()
  .min(1)
  .max(LONGEST_PAGE)
  .default(50)
  .describe("How many, at most.");

/** Ids with commas between them. */
export function idListSchema(most: number) {
  return z
    .string()
    .transform((text) => text.split(",").filter((id) => id !== ""))
    .pipe(z.array(idSchema).max(most));
}
