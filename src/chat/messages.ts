import type { Clock } from "../clock.ts";
import { AppError, toAppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { TokenBuckets } from "../token-buckets.ts";
import { Accepted, type AcceptedListener, type Settled } from "./accepted-message.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import type { Attachment, Attachments } from "./attachments.ts";
import { type Blocks, blocked } from "./blocks.ts";
import type { Contacts } from "./contacts.ts";
import type { Conversation } from "./conversation.ts";
import { type Conversations, conversationNotFound } from "./conversations.ts";
import { confirmationEvent } from "./events.ts";
import { type Happening, sentenceOf } from "./happening.ts";
import type { Journal } from "./journal.ts";
import { marksWithOwn } from "./member.ts";
import type { Delivery } from "./message-delivery.ts";
import { assertFits, expiryOf, mentionsIn, type NewMessage } from "./new-message.ts";
import type { Origin, Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import type { Receipts } from "./receipts.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { Edited, SentMessage, StoredMessage } from "./stored-chats.ts";

export interface Telling {
  /** The message that it happened to, as it is now. */
  readonly about?: StoredMessage | null;
}

function assertRecipient({ members }: Conversation, recipientId: string | null): void {
  if (recipientId === null || members.has(recipientId)) return;
  throw new AppError("VALIDATION_FAILED", "recipientId: is not a member of the conversation");
}

function editedOf({ editedMs, deletedMs, expiresMs, ...message }: StoredMessage): string {
  const content = deletedMs === null ? message.content : null;
  const mentions = message.mentions === null ? null : JSON.parse(message.mentions);
  const edited: Edited = { content, editedMs, expiresMs, mentions };
  return JSON.stringify(edited);
}

type Content = Omit<NewMessage, "conversationId" | "recipientId">;

export interface MessagesOptions {
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly recent: RecentMessages<Accepted>;
  readonly journal: Journal;
  readonly receipts: Receipts;
  readonly outlet: Outlet;
  /** What others see as the sender's name. */
  readonly nameOf: (sender: Actor) => string;
  /** What each user may send. */
  readonly rate: TokenBuckets;
  readonly clock: Clock;
  readonly newId: NewId;
  /** `durable`: recipients too wait for the commit. */
  readonly delivery: "fast" | "durable";
  readonly deliverer: Delivery;
  /** What happens to a conversation is told in it. */
  readonly tellsEvents: boolean;
  /** The first message to an unknown conversation opens it, if it names a recipient. */
  readonly openDirect: boolean;
  readonly blocks: Blocks;
  readonly contacts: Contacts;
  readonly attachments: Attachments;
  /** What a message may say, as JSON. */
  readonly contentBytes: number;
  /** A message is on disk that disappears at this time. */
  readonly onDisappearing: (expiresMs: number) => void;
}

/** Sending: membership, idempotency, `seq`, delivery to the members, SENT after the commit. */
export class Messages implements AcceptedListener {
  readonly #options: MessagesOptions;
  constructor(options: MessagesOptions) {
    this.#options = options;
  }

  /**
   * Takes the message: it has its `seq` and, unless delivery is durable, is with the connected
   * members. `settled` hears of the commit. A repeat of a `clientMessageId` is answered with what
   * became of the first one and delivered to nobody.
   *
   * Throws CONVERSATION_NOT_FOUND, VALIDATION_FAILED (the recipient is not a member), BLOCKED,
   * ATTACHMENT_NOT_FOUND, ATTACHMENT_IN_USE, RATE_LIMITED, STORAGE_UNAVAILABLE. `SYSTEM` may send
   * to every conversation that there is, at any rate.
   */
  send(
    sender: Actor,
    message: NewMessage,
    origin: Origin | null,
    settled: Settled,
  ): MaybePromise<void> {
    const { store, recent, rate, contentBytes } = this.#options;
    assertFits(message.content, contentBytes, "content");
    if (sender !== SYSTEM) rate.spend(sender.userId, "messages");
    const { clientMessageId } = message;
    if (clientMessageId === null) return this.#sendNew(sender, message, origin, settled);
    // A lookup that takes its time, or fails, may be overtaken by the same message.
    const underWay = () => recent.byClientId(sender.userId, clientMessageId);
    const found = (earlier: SentMessage | null) => {
      const first = earlier ?? underWay();
      if (first !== undefined) return this.#repeat(first, settled);
      return this.#sendNew(sender, message, origin, settled);
    };
    const known = underWay() ?? store.messageByClientId(sender.userId, clientMessageId);
    if (!(known instanceof Promise)) return found(known);
    return known.then(found, (fault: unknown) => {
      if (underWay() === undefined) throw fault;
      return found(null);
    });
  }

  #sendNew(
    sender: Actor,
    message: NewMessage,
    origin: Origin | null,
    settled: Settled,
  ): MaybePromise<void> {
    const { attachments } = this.#options;
    if (message.attachments === null) return this.#sendWith(null, sender, message, origin, settled);
    return whenReady(attachments.find(message.attachments), (found) =>
      this.#sendWith(found, sender, message, origin, settled),
    );
  }

  #sendWith(
    files: readonly Attachment[] | null,
    sender: Actor,
    message: NewMessage,
    origin: Origin | null,
    settled: Settled,
  ): MaybePromise<void> {
    const { conversations, attachments, recent } = this.#options;
    const { clientMessageId } = message;
    return whenReady(conversations.findAs(sender.userId, message.conversationId), (found) => {
      // As above: of what was looked up since, too, the same message may have come first.
      const earlier =
        clientMessageId === null ? undefined : recent.byClientId(sender.userId, clientMessageId);
      if (earlier !== undefined) return this.#repeat(earlier, settled);
      const known = found ?? conversations.peek(message.conversationId) ?? null;
      // Before a conversation is opened for it.
      const attached =
        files === null ? null : attachments.attached(sender, message.attachments ?? [], files);
      const conversation = this.#enter(known, sender, message);
      this.#accept(conversation, sender, message, attached, origin, settled);
    });
  }

  /** The conversation in which the sender may write; opened if need be. */
  #enter(found: Conversation | null, sender: Actor, message: NewMessage): Conversation {
    const { conversations, journal, outlet, clock, openDirect, blocks } = this.#options;
    const { conversationId, recipientId } = message;
    journal.assertRoom();
    if (sender === SYSTEM) {
      if (found === null) throw conversationNotFound(conversationId);
      assertRecipient(found, recipientId);
      return found;
    }
    const isMember = found?.members.has(sender.userId) === true;
    // To a non-member every refusal is the same whether the conversation exists.
    const peerId = isMember ? found.peerOf(sender.userId) : recipientId;
    if (peerId !== null && blocks.isBetween(sender.userId, peerId)) throw blocked();
    if (isMember) {
      assertRecipient(found, recipientId);
      return found;
    }
    if (recipientId === null || !openDirect) throw conversationNotFound(conversationId);
    if (recipientId === sender.userId) {
      throw new AppError("VALIDATION_FAILED", "recipientId: must be somebody else");
    }
    if (found !== null) throw conversationNotFound(conversationId);
    const members: [string, string] = [sender.userId, recipientId];
    const opened = conversations.openDirect(conversationId, members, clock.now());
    const contacts = this.#options.contacts.opened(opened);
    if (contacts !== null) journal.addChange(contacts);
    for (const userId of members) outlet.joined(userId, conversationId);
    return opened;
  }

  /**
   * Tells of what happens to the conversation, in the commit that holds it: members are shown it
   * when it is on disk. Who may do it the caller has seen to.
   */
  tell(
    conversation: Conversation,
    actor: Actor,
    happening: Happening,
    { about = null }: Telling = {},
  ): void {
    const { type, event } = happening;
    // Without being told, nobody would know of a message that it is another now.
    const isNeeded = about !== null || type === "USER_ERASED";
    if (!this.#options.tellsEvents && !isNeeded) return;
    const content = sentenceOf({ ...actor, name: this.#options.nameOf(actor) }, happening);
    const input = {
      ...{ type, content, clientMessageId: null, replyTo: about?.id ?? null },
      ...{ attachments: null, mentions: null, disappearAfterSeconds: null },
    };
    const told = this.#next(conversation, actor, input, null, JSON.stringify(event));
    const isEdit = type === "MESSAGE_EDITED";
    const message = { ...told, edited: isEdit && about !== null ? editedOf(about) : null };
    this.#take(new Accepted(this, message, conversation, null, false, () => {}));
  }

  #accept(
    conversation: Conversation,
    sender: Actor,
    input: NewMessage,
    attached: string | null,
    origin: Origin | null,
    settled: Settled,
  ): void {
    const { journal, delivery } = this.#options;
    const message = this.#next(conversation, sender, input, attached, null);
    // While the store fails nothing is shown that may never be kept, nor then before what was not.
    const atOnce = delivery === "fast" && !journal.isFailing && !conversation.isHiding;
    this.#take(new Accepted(this, message, conversation, origin, atOnce, settled));
    if (atOnce) this.#options.deliverer.deliver(conversation, message, origin);
    journal.flush();
  }

  #next(
    conversation: Conversation,
    sender: Actor,
    input: Content,
    attachments: string | null,
    event: string | null,
  ): StoredMessage {
    const { clock, newId } = this.#options;
    conversation.lastSeq += 1;
    const timestampMs = clock.now();
    const { disappearAfterSeconds } = conversation.profile;
    const expiresMs =
      event === null
        ? expiryOf(timestampMs, input.disappearAfterSeconds, disappearAfterSeconds)
        : null;
    return {
      id: newId(),
      conversationId: conversation.id,
      seq: conversation.lastSeq,
      senderId: sender.userId,
      senderName: this.#options.nameOf(sender),
      recipientId: sender === SYSTEM ? null : conversation.peerOf(sender.userId),
      clientMessageId: input.clientMessageId,
      type: input.type,
      content: input.content,
      replyTo: input.replyTo,
      timestampMs,
      event,
      editedMs: null,
      deletedMs: null,
      pinnedMs: null,
      reactions: null,
      replyCount: 0,
      edited: null,
      mentions: mentionsIn(conversation, input.mentions),
      expiresMs,
      attachments,
    };
  }

  #take(accepted: Accepted): void {
    const { recent, journal } = this.#options;
    const { conversation, message } = accepted;
    if (!accepted.isShown) conversation.hiddenSeq = message.seq;
    accepted.recent = recent.add(message, accepted);
    if (message.attachments !== null) this.#options.attachments.taken(message);
    journal.addMessage(accepted);
    if (!accepted.isShown) return; // It may come to have another `seq`: the journal marks it then.
    const member = conversation.members.get(message.senderId);
    if (member === undefined) return;
    const marks = marksWithOwn(member, message.seq);
    if (marks === member) return;
    Object.assign(member, marks);
    journal.addWatermarks(conversation, member);
  }

  #repeat(first: SentMessage, settled: Settled): MaybePromise<void> {
    const underWay = this.#options.recent.pendingOf(first.id);
    if (underWay !== null) {
      underWay.await(settled); // Its SENT is still to come, to all of the sender's connections.
      return;
    }
    const { conversations, receipts } = this.#options;
    return whenReady(conversations.findFresh(first.conversationId), (conversation) => {
      if (conversation !== null) this.#options.deliverer.assure(conversation, first);
      this.#confirm(first);
      settled(null, first);
      if (conversation?.isFor(first.senderId, first.seq)) receipts.repeatTo(first, conversation);
    });
  }

  /** For `Accepted` alone. */
  onCommitted(accepted: Accepted): void {
    const { conversation, message, isShown, origin } = accepted;
    if (accepted.recent !== null) this.#options.recent.committed(accepted.recent);
    if (message.attachments !== null) this.#options.attachments.settled(message);
    if (!isShown) this.#options.deliverer.deliver(conversation, message, origin);
    if (message.expiresMs !== null) this.#options.onDisappearing(message.expiresMs);
    if (message.event === null) {
      const { outlet, clock } = this.#options;
      outlet.sent(message.senderId, confirmationEvent(message, "SENT", clock.now()));
    }
    accepted.settle(null, message);
  }

  /** For `Accepted` alone. */
  onRefused(accepted: Accepted, error: AppError): void {
    this.#gone(accepted);
    accepted.settle(error, null);
  }

  /** For `Accepted` alone. */
  onRepeated(accepted: Accepted, first: SentMessage): void {
    this.#gone(accepted);
    void this.#answer(first, (error, kept) => accepted.settle(error, kept));
  }

  /** For `Accepted` alone. */
  hindranceOf({ message, conversation }: Accepted): AppError | null {
    const { senderId, event } = message;
    const isMembers = event === null && senderId !== SYSTEM.userId;
    if (!isMembers || conversation.members.has(senderId)) return null;
    return conversationNotFound(conversation.id);
  }

  #gone({ recent, message }: Accepted): void {
    if (recent !== null) this.#options.recent.refused(recent);
    if (message.attachments !== null) this.#options.attachments.settled(message);
  }

  async #answer(first: SentMessage, settled: Settled): Promise<void> {
    try {
      await this.#repeat(first, settled);
    } catch (fault) {
      settled(toAppError(fault), null);
    }
  }

  #confirm(message: SentMessage): void {
    const { outlet, clock } = this.#options;
    outlet.confirmation(message.senderId, confirmationEvent(message, "SENT", clock.now()));
  }
}
