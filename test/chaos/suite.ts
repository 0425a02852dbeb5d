import type { Row } from "./row.ts";
import { CLUSTER_ROWS } from "./rows/cluster/table.ts";
import { ROWS } from "./rows/table.ts";

/** A table of rows, and the documents that it is reported in. */
export interface Suite {
  readonly rows: readonly Row[];
  /** Of `results/`. */
  readonly results: string;
  /** The documents' name, without the ending. */
  readonly page: string;
  readonly title: string;
  /** The command that runs it, without further flags. */
  readonly command: string;
  readonly introduction: string;
  /** What messages that were not confirmed may suffer. */
  readonly unconfirmed: string;
}

/** One server. */
export const SERVER_SUITE: Suite = {
  ...{ rows: ROWS, results: "latest.json", page: "faults", title: "Faults" },
  command: "npm run chaos --",
  introduction:
    "What Parley promises must hold when things break. The fault suite breaks them under load: it starts the real binary, lets clients write to each other through it, does to the server what the table says, and holds the clients' own record of every send, confirmation and receipt against the server's final history.",
  unconfirmed:
    "What was shown to a recipient but not confirmed may be lost in a crash (`delivery.mode=fast`); its sender sends it again, and it counts when it is confirmed.",
};

/** Several nodes. */
export const CLUSTER_SUITE: Suite = {
  ...{ rows: CLUSTER_ROWS, results: "latest-cluster.json", page: "faults-cluster" },
  title: "Faults of several nodes",
  command: "npm run chaos -- --cluster",
  introduction:
    "The same strict judge as in [faults.md](faults.md), for [several nodes](clusters.md): each row starts a PostgreSQL, a Redis and three nodes of the real binary (`delivery.mode=durable`), with users whose devices are on different nodes, who lose their connection without a word and resume at another node, and who send again there what was not confirmed. Then it does to nodes and services what the table says, and holds the clients' own record of every send, confirmation and receipt against the history that all nodes tell in the end.",
  unconfirmed: "What was not confirmed is sent again, to another node if need be.",
};
