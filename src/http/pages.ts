import { z } from "zod";

export const LONGEST_PAGE = 200;

export const wholeNumber = z.coerce.number().int().nonnegative();

export const limitSchema = z.coerce
  .number()
  .int()
  .min(1)
  .max(LONGEST_PAGE)
  .default(50)
  .describe("How many, at most.");
