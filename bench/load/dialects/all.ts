import { centrifugo } from "./centrifugo.ts";
import type { Dialect } from "./dialect.ts";
import { nats } from "./nats.ts";
import { socketIo } from "./socket-io.ts";
import { stomp } from "./stomp.ts";

export const DIALECTS = {
  /** Parley and the bare engine. */
  parley: stomp({ path: "/ws", login: (userId) => ["host:localhost", `X-User-Id:${userId}`] }),
  rabbitmq: stomp({ path: "/ws", login: () => ["host:/", "login:guest", "passcode:guest"] }),
  spring: stomp({ path: "/ws", login: () => ["host:localhost"] }),
  nats,
  "socket.io": socketIo,
  centrifugo,
} as const satisfies Readonly<Record<string, Dialect>>;

export type DialectName = keyof typeof DIALECTS;
