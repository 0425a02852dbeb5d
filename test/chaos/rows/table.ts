import type { Row } from "../row.ts";
import { sigkill } from "./sigkill.ts";

/** All rows, in the order of the report. */
export const ROWS: readonly Row[] = [sigkill];
