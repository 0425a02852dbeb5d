import type { Clock } from "../clock.ts";
import type { Accepted } from "./accepted-message.ts";
import type { Contacts } from "./contacts.ts";
import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import { MarksElsewhere } from "./marks-elsewhere.ts";
import type { Delivery } from "./message-delivery.ts";
import { MissedNotices } from "./missed-notices.ts";
import type { MovedMarks } from "./moved-marks.ts";
import { NodeNotices } from "./node-notices.ts";
import type { PendingMark } from "./open-batch.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import type { Receipts } from "./receipts.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { SharedMessages } from "./replay.ts";
import { SharedDelivery } from "./shared-delivery.ts";
import type { ToldDeliveries } from "./told-deliveries.ts";
import { ToldOthers } from "./told-others.ts";

export interface SharedChatOptions {
  readonly nodes: OtherNodes;
  /** To those who are connected to this node, as `outlet` is. */
  readonly here: Delivery;
  readonly outlet: Outlet;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly contacts: Contacts;
  readonly recent: RecentMessages<Accepted>;
  readonly receipts: Receipts;
  readonly clock: Clock;
  readonly isHere: (userId: string) => boolean;
  /** Shared with the receipts. */
  readonly told: ToldDeliveries;
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
  readonly #marks: MarksElsewhere;
  readonly #others: ToldOthers;
  readonly #options: SharedChatOptions;

  constructor(options: SharedChatOptions) {
    const { nodes, receipts } = options;
    const others = new ToldOthers(options);
    const delivery = new SharedDelivery({ ...options, others });
    const marks = new MarksElsewhere({
      ...options,
      receivedInGroup: (messages) => receipts.receivedElsewhere(messages),
      mayMiss: () => delivery.missedSinceMs !== null,
    });
    const missed = new MissedNotices({ ...options, delivery, marks, others });
    this.#options = options;
    this.#marks = marks;
    this.delivery = delivery;
    this.#others = others;
    this.#missed = missed;
    this.notices = new NodeNotices({ ...options, delivery, missed, marks, others });
    this.messages = {
      heard: (userId) => nodes.heard(userId),
      recent: (userId, reader) => missed.recent(userId, reader),
      settle: (heads, reader) => missed.settle(heads, reader),
      isFresh: (message) => delivery.isFresh(message),
      reach: (conversationId, seq) => delivery.reach(conversationId, seq),
    };
  }

  /** This node has committed them, and told others. */
  marked(marks: readonly PendingMark[]): void {
    this.#others.marked(marks);
  }

  /** Others have moved the marks, as the store says. */
  learned(conversation: Conversation, moved: readonly MovedMarks[]): void {
    this.#marks.tell(conversation, moved).catch(this.#options.onFault);
  }

  stop(): void {
    this.delivery.stop();
    this.#missed.stop();
    this.#marks.stop();
    this.#others.stop();
  }
}
