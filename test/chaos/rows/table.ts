import type { Row } from "../row.ts";
import { diskFull } from "./disk-full.ts";
import { locked } from "./locked.ts";
import { powerCut } from "./power-cut.ts";
import { sigkill } from "./sigkill.ts";

/** All rows, in the order of the report. */
export const ROWS: readonly Row[] = [sigkill, powerCut, diskFull, locked];
