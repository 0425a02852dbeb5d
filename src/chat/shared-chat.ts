import type { Clock } from "../clock.ts";
import type { Accepted } from "./accepted-message.ts";
import type { Conversations } from "./conversations.ts";
import type { Delivery } from "./message-delivery.ts";
import { MissedNotices } from "./missed-notices.ts";
import { NodeNotices } from "./node-notices.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import type { Receipts } from "./receipts.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { SharedMessages } from "./replay.ts";
import { SharedDelivery } from "./shared-delivery.ts";
import { ToldOthers } from "./told-others.ts";

export interface SharedChatOptions {
  readonly nodes: OtherNodes;
  /** To those who are connected to this node, as `outlet` is. */
  readonly here: Delivery;
  readonly outlet: Outlet;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly recent: RecentMessages<Accepted>;
  readonly receipts: Receipts;
  readonly clock: Clock;
  /** See `SharedDelivery`. */
  readonly onDisappearing: (expiresMs: number) => void;
  readonly onTold: () => void;
  readonly onFault: (fault: unknown) => void;
}

/** What chat has more where other nodes write to the same store, put together. */
export class SharedChat {
  readonly delivery: SharedDelivery;
  readonly notices: NodeNotices;
  /** For replays and feeds. */
  readonly messages: SharedMessages;
  readonly #missed: MissedNotices;
  readonly #others: ToldOthers;

  constructor(options: SharedChatOptions) {
    const { nodes, outlet, receipts } = options;
    const others = new ToldOthers(options);
    const delivery = new SharedDelivery({ ...options, others });
    const missed = new MissedNotices({
      ...{ ...options, delivery },
      onFate: (message, conversation) => receipts.repeatTo(message, conversation, outlet),
    });
    this.delivery = delivery;
    this.#others = others;
    this.#missed = missed;
    this.notices = new NodeNotices({ ...options, delivery, missed, others });
    this.messages = {
      now: () => options.clock.now(),
      heard: (userId) => nodes.heard(userId),
      settle: (userId, reader) => missed.settle(userId, reader),
      isFresh: (message) => delivery.isFresh(message),
      reach: (conversationId, seq) => delivery.reach(conversationId, seq),
    };
  }

  stop(): void {
    this.delivery.stop();
    this.#missed.stop();
    this.#others.stop();
  }
}
