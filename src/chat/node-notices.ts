import type { Conversations } from "./conversations.ts";
import type { MissedNotices } from "./missed-notices.ts";
import { type ConversationNotice, decodeNotice, encodeConversation } from "./node-notice.ts";
import type { ConversationChange } from "./open-batch.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { Outlet } from "./outlet.ts";
import type { Receipts } from "./receipts.ts";
import type { SharedDelivery } from "./shared-delivery.ts";
import type { ToldOthers } from "./told-others.ts";

/** Conversations that are read again side by side, after this node was cut off. */
const READ_TOGETHER = 8;

export interface NodeNoticesOptions {
  readonly nodes: OtherNodes;
  readonly conversations: Conversations;
  readonly delivery: SharedDelivery;
  readonly missed: MissedNotices;
  readonly others: ToldOthers;
  readonly receipts: Receipts;
  /** To those who are connected to this node. */
  readonly outlet: Outlet;
  readonly onFault: (fault: unknown) => void;
}

/** What nodes tell each other of chats. */
export class NodeNotices {
  readonly #options: NodeNoticesOptions;

  constructor(options: NodeNoticesOptions) {
    this.#options = options;
  }

  /** This node has committed the change. */
  changed(what: ConversationChange): void {
    const { change, conversation } = what;
    if (change === "none" || change === "preferences" || change === "message") return;
    const conversationId = conversation.id;
    const left = change === "removed" ? [what.member.userId] : [];
    const joined =
      change === "created"
        ? [...conversation.members.keys()]
        : change === "added"
          ? [what.member.userId]
          : [];
    const notice = encodeConversation({ conversationId, joined, left });
    this.#options.nodes.toAll(conversationId, notice);
  }

  /** Another node tells this. False for what is of none. @param userId to whom; null: to all */
  received(userId: string | null, bytes: Uint8Array): boolean {
    const { delivery, outlet, receipts } = this.#options;
    const notice = decodeNotice(bytes);
    if (notice === null) return false;
    if (notice.kind === "message") return delivery.received(notice);
    if (notice.kind === "head") delivery.headed(notice);
    else if (notice.kind === "received") receipts.receivedElsewhere(notice.messages);
    else if (notice.kind === "conversation") this.#learn(notice);
    else if (userId === null) return false;
    else if (notice.kind === "confirmation") outlet.confirmation(userId, notice.body);
    else outlet.receipt(userId, notice.body, null);
    return true;
  }

  /** This node is cut off from the others. */
  lost(): void {
    this.#options.missed.lost();
  }

  /** See `ToldOthers`. */
  wentOut(): void {
    this.#options.others.wentOut();
  }

  /** Something that this node has told others did not go out. */
  retell(): void {
    this.#options.others.again().catch(this.#options.onFault);
  }

  /** And is not any more. @param userIds those who are connected to this node */
  async recover(userIds: readonly string[]): Promise<void> {
    const { conversations, missed, onFault } = this.#options;
    const recovered = missed.recover(userIds);
    const cached = [...conversations.cached()].values();
    const look = async () => {
      for (const conversation of cached) await conversations.reload(conversation).catch(onFault);
    };
    await Promise.all([recovered, ...Array.from({ length: READ_TOGETHER }, look)]);
  }

  #learn({ conversationId, joined, left }: ConversationNotice): void {
    const { conversations, outlet, onFault } = this.#options;
    const conversation = conversations.peek(conversationId);
    if (conversation !== undefined) {
      conversations.reload(conversation).catch(onFault);
      return;
    }
    for (const userId of left) outlet.left(userId, conversationId);
    for (const userId of joined) outlet.joined(userId, conversationId);
  }
}
