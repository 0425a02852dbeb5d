import type { Row } from "../../row.ts";
import { cutOff } from "./cut-off.ts";
import { nodeKill } from "./node-kill.ts";
import { oneConversation } from "./one-conversation.ts";
import { pause } from "./pause.ts";
import { postgresFailover } from "./postgres-failover.ts";
import { postgresRestart } from "./postgres-restart.ts";
import { redisFailover } from "./redis-failover.ts";
import { redisFlush } from "./redis-flush.ts";
import { redisKill } from "./redis-kill.ts";
import { rollingRestart } from "./rolling-restart.ts";
import { sameId } from "./same-id.ts";

/** All rows of several nodes, in the order of the report. */
export const CLUSTER_ROWS: readonly Row[] = [
  ...[nodeKill, redisKill, redisFlush, redisFailover, postgresRestart, postgresFailover],
  ...[cutOff, pause, rollingRestart, sameId, oneConversation],
];
