import { centrifugo } from "./centrifugo.ts";
import type { Dialect } from "./dialect.ts";
import { historyPolling } from "./history-polling.ts";
import { LongPolling } from "./long-polling.ts";
import { nats } from "./nats.ts";
import { socketIo } from "./socket-io.ts";
import { stomp } from "./stomp.ts";

const asUser = (userId: string) => ["host:localhost", `X-User-Id:${userId}`];

export const DIALECTS = {
  /** Parley and the bare engine. */
  parley: stomp({ path: "/ws", login: asUser }),
  "long-polling": stomp({ path: "/ws", login: asUser, carrier: LongPolling.open }),
  "history-polling": historyPolling,
  rabbitmq: stomp({ path: "/ws", login: () => ["host:/", "login:guest", "passcode:guest"] }),
  spring: stomp({ path: "/ws", login: () => ["host:localhost"] }),
  nats,
  "socket.io": socketIo,
  centrifugo,
} as const satisfies Readonly<Record<string, Dialect>>;

export type DialectName = keyof typeof DIALECTS;
