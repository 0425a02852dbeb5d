import type { Contacts } from "./contacts.ts";
import type { Conversations } from "./conversations.ts";
import type { MarksElsewhere } from "./marks-elsewhere.ts";
import type { MissedNotices } from "./missed-notices.ts";
import {
  type ConversationNotice,
  decodeNotice,
  type MarksNotice,
  type NodeNotice,
} from "./node-notice.ts";
import type { ConversationChange } from "./open-batch.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { Outlet } from "./outlet.ts";
import type { Receipts } from "./receipts.ts";
import type { SharedDelivery } from "./shared-delivery.ts";
import type { ToldOthers } from "./told-others.ts";

export interface NodeNoticesOptions {
  readonly nodes: OtherNodes;
  readonly conversations: Conversations;
  readonly contacts: Contacts;
  readonly delivery: SharedDelivery;
  readonly missed: MissedNotices;
  readonly marks: MarksElsewhere;
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
    const notice = { conversationId, joined, left, digest: null };
    this.#options.others.tellChange(notice, change === "created");
  }

  /** Another node tells this. False for what is of none. @param userId to whom; null: to all */
  received(userId: string | null, bytes: Uint8Array): boolean {
    const { delivery, marks, receipts } = this.#options;
    const notice = decodeNotice(bytes);
    if (notice === null) return false;
    if (notice.kind === "message") return delivery.received(notice);
    if (notice.kind === "head") delivery.headed(notice);
    else if (notice.kind === "received") receipts.receivedElsewhere(notice.messages);
    else if (notice.kind === "conversation") this.#learn(notice);
    else if (notice.kind === "marks") this.#toldAgain(notice);
    else if (userId === null) return false;
    else if (notice.kind === "receipt") marks.read(userId, notice.read, notice.body);
    else this.#confirmed(userId, notice);
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

  /** See `ToldOthers.again`. */
  retell(isMissing: boolean): void {
    const { others, onFault } = this.#options;
    others.again(isMissing).catch(onFault);
  }

  /** And is not any more. @param userIds those who are connected to this node */
  recover(userIds: readonly string[]): Promise<void> {
    const { contacts, missed } = this.#options;
    contacts.forgetAll();
    return missed.recover(userIds);
  }

  #toldAgain(notice: MarksNotice): void {
    const { delivery, marks, onFault } = this.#options;
    if (notice.head !== null) delivery.headed(notice.head);
    marks.toldAgain(notice).catch(onFault);
  }

  #confirmed(
    userId: string,
    { body, delivered }: Extract<NodeNotice, { readonly kind: "confirmation" }>,
  ): void {
    const { marks, outlet } = this.#options;
    if (delivered === null) outlet.confirmation(userId, body);
    else marks.delivered(userId, delivered, body);
  }

  #learn(notice: ConversationNotice): void {
    const { conversationId, joined, left, digest } = notice;
    const { conversations, outlet, onFault } = this.#options;
    const conversation = conversations.peek(conversationId);
    if (digest === null || conversation?.digest !== digest) {
      conversations.refreshKnown(conversationId).catch(onFault);
    }
    if (conversation !== undefined) return;
    for (const userId of left) outlet.left(userId, conversationId);
    for (const userId of joined) outlet.joined(userId, conversationId);
    this.#forgetContacts(notice).catch(onFault);
  }

  /** All members have others to share a conversation with, or no more. */
  async #forgetContacts({ conversationId, joined, left }: ConversationNotice): Promise<void> {
    const { contacts, conversations } = this.#options;
    for (const userId of [...joined, ...left]) contacts.forget(userId);
    // Of one that is new, these are all.
    const isNew = joined.length > 1;
    if (!contacts.isUsed || isNew || joined.length + left.length === 0) return;
    const conversation = await conversations.find(conversationId);
    for (const userId of conversation?.members.keys() ?? []) contacts.forget(userId);
  }
}
