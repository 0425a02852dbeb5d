import { test } from "bun:test";
import { CLUSTER_ROWS } from "../chaos/rows/cluster/table.ts";
import { expectToPass } from "../support/short-row.ts";

const NAMES = ["node-kill", "same-id", "postgres-failover", "redis-failover"];

/** Three nodes on a PostgreSQL and a Redis. */
test.skipIf(process.platform !== "linux").each(NAMES)(
  "nothing confirmed is lost, doubled or out of order over several nodes: %s",
  (name) => expectToPass(CLUSTER_ROWS, name),
  120_000,
);
