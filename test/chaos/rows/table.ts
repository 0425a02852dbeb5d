import type { Row } from "../row.ts";
import { backup } from "./backup.ts";
import { clock } from "./clock.ts";
import { diskFull } from "./disk-full.ts";
import { floods } from "./floods.ts";
import { halfOpen } from "./half-open.ts";
import { ioErrors } from "./io-errors.ts";
import { locked } from "./locked.ts";
import { powerCut } from "./power-cut.ts";
import { reconnect } from "./reconnect.ts";
import { replayRestart } from "./replay-restart.ts";
import { restart } from "./restart.ts";
import { sigkill } from "./sigkill.ts";
import { slowReaders } from "./slow-readers.ts";

/** All rows, in the order of the report. */
export const ROWS: readonly Row[] = [
  ...[sigkill, powerCut, diskFull, ioErrors, locked],
  ...[halfOpen, slowReaders, reconnect],
  ...floods,
  ...[replayRestart, restart, clock, backup],
];
