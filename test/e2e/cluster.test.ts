import { test } from "bun:test";
import { CLUSTER_ROWS } from "../chaos/rows/cluster/table.ts";
import { expectToPass } from "../support/short-row.ts";

/** Three nodes on one PostgreSQL and one Redis. */
test.skipIf(process.platform !== "linux").each(["node-kill", "same-id"])(
  "nothing confirmed is lost, doubled or out of order over several nodes: %s",
  (name) => expectToPass(CLUSTER_ROWS, name),
  60_000,
);
