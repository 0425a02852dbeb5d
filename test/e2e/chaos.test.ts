import { test } from "bun:test";
import { ROWS } from "../chaos/rows/table.ts";
import { expectToPass } from "../support/short-row.ts";

/** The rows that take few seconds. How a process is stopped, and what limits it has, is Linux's. */
test
  .skipIf(process.platform !== "linux")
  .each(["sigkill", "power-cut", "io-errors", "replay-restart"])(
  "nothing confirmed is lost, doubled or out of order: %s",
  (name) => expectToPass(ROWS, name),
  60_000,
);
