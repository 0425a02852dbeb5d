import type { Backplane } from "../broker/backplane.ts";
import type { Deliver, TopicRelay } from "../broker/topic-relay.ts";
import type { Log } from "../log.ts";

export interface OtherNodesOptions {
  readonly backplane: Backplane;
  readonly relay: TopicRelay;
  readonly deliver: Deliver;
  readonly log: Log;
}

/** Begins to speak with the other nodes, and says in the log how that goes. */
export function joinOtherNodes({ backplane, relay, deliver, log }: OtherNodesOptions): void {
  const { nodeId } = backplane;
  log.info(
    { nodeId },
    "Topics are carried between nodes; chat, presence and queues are not: all who use them belong on one node",
  );
  backplane.start({
    received: (_origin, _channel, payload) => relay.receive(payload, deliver),
    gap: () => log.warn({ nodeId }, "Messages of topics from other nodes may be missing"),
    changed(reason) {
      if (reason === null) log.info({ nodeId }, "Connected with the other nodes");
      else log.error({ nodeId, reason }, "Not connected with the other nodes");
    },
  });
}
