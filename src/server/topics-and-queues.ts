import { channelOfTopic, isCarriedTopic, isReservedTopic } from "../app/destinations.ts";
import { TypingElsewhere } from "../app/typing-elsewhere.ts";
import { Broker } from "../broker/broker.ts";
import type { NodeChannels } from "../broker/node-channels.ts";
import type { Engine } from "../broker/subscription.ts";
import { type Deliver, TopicRelay } from "../broker/topic-relay.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import type { AppError } from "../errors.ts";
import { newUuid } from "../ids.ts";
import { hasSharedDatabase } from "../stores.ts";
import type { Foundation } from "./foundation.ts";
import type { Metrics } from "./metrics.ts";
import { nodeChannels } from "./other-nodes.ts";
import { openQueues } from "./work-queues.ts";

export interface TopicsAndQueuesOptions {
  readonly engine: Engine;
  readonly metrics: Metrics;
  /** See `QueueJournal`. */
  readonly onQueueStoreChange: (error: AppError | null) => void;
}

/** What carries messages: on this node, and to the others. */
export interface TopicsAndQueues {
  readonly broker: Broker;
  readonly queues: WorkQueues;
  /** null: there are no other nodes. */
  readonly nodes: NodeChannels | null;
  /** Of topics to the other nodes; null: there are none. */
  readonly relay: TopicRelay | null;
  /** The other nodes have the same chats. */
  readonly isChatShared: boolean;
  /** What other nodes publish is received. Before the channels are started. */
  receive(): void;
  /** Nothing of what other nodes publish ends by itself any more. */
  stop(): void;
}

export function openTopicsAndQueues(
  foundation: Foundation,
  { engine, metrics, onQueueStoreChange }: TopicsAndQueuesOptions,
): TopicsAndQueues {
  const { settings, storage, backplane, brokerQueues, queued, clock, log } = foundation;
  const isDatabaseShared = hasSharedDatabase(settings);
  const nodes = nodeChannels(backplane, settings, isDatabaseShared, log);
  const isChatShared = nodes !== null && isDatabaseShared;
  const isCarried = (topic: string) => isCarriedTopic(topic, isChatShared);
  const channelOf = channelOfTopic;
  const relay = nodes === null ? null : new TopicRelay({ backplane, clock, isCarried, channelOf });
  const broker = new Broker(engine, clock, settings.delivery.gatherMs, metrics.messagesOut, relay);
  const queues = openQueues({
    ...{ settings, storage, brokerQueues, queued, nodes, clock, log },
    onStoreChange: onQueueStoreChange,
  });
  const deliver: Deliver = (topic, message) =>
    isReservedTopic(topic) ? broker.deliver(topic, message) : broker.publishHere(topic, message);
  const { typingExpiryMs: expiryMs } = settings.chat;
  const typing = new TypingElsewhere({ clock, expiryMs, newId: newUuid, deliver });
  return {
    ...{ broker, queues, nodes, relay, isChatShared },
    receive() {
      nodes?.receive("", (_origin, _channel, payload) => relay?.receive(payload, deliver));
      nodes?.receive("typing", (_origin, _channel, payload) =>
        relay?.receive(payload, typing.heard),
      );
    },
    stop() {
      relay?.stop();
      typing.stop();
    },
  };
}
