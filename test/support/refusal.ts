import { AppError } from "../../src/errors.ts";

/** The code of the AppError that `action` fails with, thrown or rejected. */
export async function refusalOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (fault) {
    return fault instanceof AppError ? fault.code : String(fault);
  }
  return "not refused";
}
