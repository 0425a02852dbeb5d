import { centrifugo } from "./centrifugo/peer.ts";
import { nats } from "./nats/peer.ts";
import { bareBun, longPolling, parley, polling } from "./own.ts";
import type { Peer } from "./peer.ts";
import { rabbitmq } from "./rabbitmq/peer.ts";
import { socketIo } from "./socket-io/peer.ts";
import { spring } from "./spring/peer.ts";

/** In the order of the report. */
export const PEERS: readonly Peer[] = [
  ...[bareBun, parley, nats, centrifugo],
  ...[socketIo, spring, rabbitmq, longPolling, polling],
];
