import { AppError } from "../../src/errors.ts";

/** What becomes of the body: its fields, or the error with its details. */
export function outcomeOf(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch (fault) {
    if (!(fault instanceof AppError)) throw fault;
    return { code: fault.code, message: fault.message, details: fault.details };
  }
}
