import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { LOOKED_AT_IN_TURN, nextTurn } from "./each-head.ts";
import { farewellOf, messageEvent, replayEvent, shownSince } from "./events.ts";
import {
  above,
  acknowledge,
  type FeedOwner,
  looseBefore,
  newestUpTo,
  unreceived,
} from "./feed-gap.ts";
import { contentOf } from "./held-messages.ts";
import type { MissedMessages } from "./missed-messages.ts";
import type { ReplayOptions } from "./replay.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** Past either, messages that wait for their commit are let go of, and read from the store later. */
const MOST_HELD = 1_000;
const MOST_HELD_CONTENT = 128 * 1_024;

/** Before the first message that there ever was. */
export const FIRST_POSITION = "00000000-0000-0000-0000-000000000000";

/** Who reads a feed. */
export interface FeedReader {
  readonly isOpen: boolean;
  /** Its position says that it has the message, and those before it, which nobody knew. */
  has(message: StoredMessage): void;
  /** Takes the message; with it everything of the user's whose id is no higher. */
  take(message: StoredMessage, body: string): void;
  /** Once: there is nothing more up to that position, and what follows comes as it happens. */
  caughtUp(position: string): void;
  /** It may take another message now. */
  readonly hasRoom: boolean;
  /** Room for more: null at once, else a promise that resolves also when the reader is gone. */
  ready(): Promise<void> | null;
}

export type FeedOptions = ReplayOptions;

interface Held {
  readonly message: StoredMessage;
  /** null: to be written when its time comes, since the message may be another by then. */
  readonly body: string | null;
}

/**
 * A user's messages for a reader who keeps one position for all conversations: those that are on
 * disk, each once, in the order of their ids. So the id of the last one taken says exactly what the
 * reader has, after a crash of the server too, and nothing that was taken is ever taken back.
 *
 * First comes what is missing, read from the store up to the last message there. What happens
 * meanwhile is held, and follows; from then on each message goes out when its commit is done. Ids
 * ascend in the order in which messages are accepted, and so are committed (`ascendingUuids`).
 *
 * What has to wait for its reader is read again when its time comes: nobody is told what was deleted
 * meanwhile, has disappeared, or was said where they are no member any more.
 */
export class MessageFeed {
  readonly #options: FeedOptions;
  readonly #userId: string;
  readonly #reader: FeedReader;
  /** The reader has everything up to here; null: what the user has received on some device. */
  #position: string | null;
  /** Of the messages that were handed over: the reader is told of ids of its user's own alone. */
  #takenId = FIRST_POSITION;
  /** Messages that wait for their commit, or for what is before them. */
  #held: Held[] = [];
  #heldContent = 0;
  /** Some were let go of. */
  #isOverfull = false;
  #isLive = false;
  /** One was done while the reader caught up. */
  #hasMissedCommit = false;
  /** What the position says is known as received. */
  #isAcknowledged = false;
  /** Up to here, messages were missed; what is above came as it happened. null: it has begun only. */
  #missedUptoId: string | null = null;
  /** The last one that was shown before this reader listened. */
  #shownId = FIRST_POSITION;
  /** What is read ahead. */
  #missed: MissedMessages | null = null;
  /** Of `#follow`. */
  #followingContent = 0;

  /** Where other nodes write too: by conversation, how far it has been handed over. */
  readonly #handedSeqs = new Map<string, number>();
  /** And what the reader has had before. */
  readonly #beginning: string;

  /** @param position as an id of a message, or FIRST_POSITION; null: see `ChatStore.backlog` */
  constructor(options: FeedOptions, userId: string, reader: FeedReader, position: string | null) {
    this.#options = options;
    this.#userId = userId;
    this.#reader = reader;
    this.#position =
      options.shared === null || position === null ? position : looseBefore(position);
    this.#beginning = this.#position ?? FIRST_POSITION;
  }

  /** `flush` is due after the next commit. */
  get isWaiting(): boolean {
    return !this.#isLive || this.#held.length > 0 || this.#isOverfull;
  }

  /** What is kept for the reader, in characters. */
  get heldBytes(): number {
    return this.#heldContent + this.#followingContent + (this.#missed?.heldBytes ?? 0);
  }

  /** A message has been shown to the user, and is on disk or on its way. */
  readonly receive = (message: StoredMessage, body: string): void => {
    // What disappears may be over before its commit.
    const isForGood = message.expiresMs === null && message.edited === null;
    this.#hold({ message, body: this.#isLive && isForGood ? body : null });
  };

  #hold(held: Held): void {
    if (this.#isOverfull) return;
    this.#held.push(held);
    this.#heldContent += contentOf(held.message);
    if (this.#held.length <= MOST_HELD && this.#heldContent <= MOST_HELD_CONTENT) return;
    this.#isOverfull = true;
    this.#clear();
  }

  /**
   * To be called when `receive` hears of everything from now on. Resolves when the reader has caught
   * up, or is gone; rejects with STORAGE_UNAVAILABLE, and then the reader must come again.
   */
  async start(): Promise<void> {
    this.#isLive = false;
    await this.#options.shared?.heard(this.#userId);
    let newestId: string | null = null;
    do {
      this.#hasMissedCommit = false;
      this.#holdShown();
      // Everything up to here is in the store; the rest is held, or is told when it is.
      const uptoId = (await this.#options.store.lastMessageId()) ?? FIRST_POSITION;
      // One of a database that a backup has been restored into since: nothing here is above it.
      if (this.#position !== null && this.#position > uptoId) this.#position = uptoId;
      await this.#catchUp(uptoId);
      if (!this.#reader.isOpen) return;
      if (this.#position === null || this.#position < uptoId) this.#position = uptoId;
      if (this.#missedUptoId === null) newestId = await this.#newestUpTo(uptoId);
      // What was let go of and is not on disk yet comes with a commit to follow.
    } while (this.#isOverfull && this.#hasMissedCommit);
    if (newestId !== null) {
      if (this.#position > this.#shownId) this.#shownId = this.#position;
      this.#missedUptoId = this.#shownId;
      this.#reader.caughtUp(newestId);
    }
    await this.#follow();
  }

  /** After a commit, when all of it has been told: hands over what is on disk now. */
  flush(): Promise<void> | undefined {
    if (!this.#isLive) {
      this.#hasMissedCommit = true;
      return undefined;
    }
    if (this.#isOverfull) return this.start();
    return this.#handDue();
  }

  /**
   * What the message says to the user now: one that the reader was given, or is to be. null: it is
   * not for them any more.
   */
  bodyNow(message: StoredMessage): MaybePromise<string | null> {
    // They are no member any more, and this is how they know.
    if (farewellOf(message) === this.#userId) return this.#bodyOf(message);
    return whenReady(this.#options.store.messageById(message.id), (now) => {
      if (now === null) return null;
      return whenReady(this.#shown(now), (shown) => (shown === null ? null : this.#bodyOf(shown)));
    });
  }

  #bodyOf(message: StoredMessage): string {
    const isMissed = this.#missedUptoId === null || message.id <= this.#missedUptoId;
    return isMissed ? replayEvent(message) : messageEvent(message);
  }

  #handDue(): Promise<void> | undefined {
    const due = this.#takeDue();
    for (const [index, { message, body }] of due.entries()) {
      if (body === null || !this.#reader.hasRoom) return this.#follow(due.slice(index));
      this.#hand(message, body);
    }
    return undefined;
  }

  /** Hands over what had to wait, and so may be another by now, until nothing waits any more. */
  async #follow(due: readonly Held[] = this.#takeDue()): Promise<void> {
    this.#isLive = false;
    for (let following = due; following.length > 0; following = this.#takeDue()) {
      for (const { message } of following) this.#followingContent += contentOf(message);
      for (const { message } of following) {
        const pause = this.#reader.ready();
        if (pause !== null) await pause;
        if (!this.#reader.isOpen) return;
        this.#followingContent -= contentOf(message);
        if (this.#isHanded(message)) continue;
        const body = await this.bodyNow(message);
        if (body !== null) this.#hand(message, body);
      }
    }
    if (this.#isOverfull && this.#hasMissedCommit) return this.start();
    this.#isLive = true;
  }

  /**
   * What is on disk, in the order of the ids. Where other nodes write too, in that of its coming: in a
   * conversation, ids need not ascend then as `seq` does.
   */
  #takeDue(): Held[] {
    const due: Held[] = [];
    const waiting = this.#held.filter((held) => {
      const standing = this.#standingOf(held.message);
      if (standing === "kept") due.push(held);
      return standing === "waiting";
    });
    this.#clear();
    this.#held = waiting;
    for (const { message } of waiting) this.#heldContent += contentOf(message);
    if (this.#options.shared !== null) return due;
    return due.sort((a, b) => (a.message.id < b.message.id ? -1 : 1));
  }

  #clear(): void {
    this.#held = [];
    this.#heldContent = 0;
  }

  #hand(message: StoredMessage, body: string): void {
    if (!this.#reader.isOpen || this.#isHanded(message)) return;
    const { id, conversationId, seq } = message;
    if (this.#position === null || id > this.#position) this.#position = id;
    if (id > this.#takenId) this.#takenId = id;
    if (this.#options.shared !== null) this.#handedSeqs.set(conversationId, seq);
    this.#reader.take(message, body);
  }

  /** Ids of several nodes do not ascend as their commits do; in a conversation, `seq` does. */
  #isHanded({ id, conversationId, seq }: StoredMessage): boolean {
    if (this.#options.shared === null) return id <= (this.#position ?? "");
    const handedSeq = this.#handedSeqs.get(conversationId);
    return handedSeq === undefined ? id <= this.#beginning : seq <= handedSeq;
  }

  #standingOf(message: StoredMessage): "kept" | "waiting" | "refused" {
    const { recent, conversations } = this.#options;
    if (recent.wasRefused(message)) return "refused";
    const conversation = conversations.peek(message.conversationId);
    // One with something uncommitted stays in memory.
    if (conversation === undefined) return "kept";
    return message.seq <= conversation.committedSeq ? "kept" : "waiting";
  }

  /** Shown before this reader listened, and not in the store yet. */
  #holdShown(): void {
    const { journal, conversations } = this.#options;
    this.#isOverfull = false;
    this.#clear();
    for (const message of journal.shown()) {
      if (this.#position === null && message.senderId === this.#userId) continue;
      const conversation = conversations.peek(message.conversationId);
      if (!conversation?.isFor(this.#userId, message.seq)) continue;
      if (this.#missedUptoId === null && message.id > this.#shownId) this.#shownId = message.id;
      this.#hold({ message, body: null });
    }
  }

  async #catchUp(uptoId: string): Promise<void> {
    const isFirst = this.#position === null;
    const missed = isFirst ? await unreceived(this.#owner, uptoId) : await this.#above(uptoId);
    this.#missed = missed;
    const { shared } = this.#options;
    for (let count = 1; this.#reader.isOpen; count += 1) {
      const isTurnOver = count % LOOKED_AT_IN_TURN === 0;
      const pause = this.#reader.ready() ?? (isTurnOver ? nextTurn() : null);
      if (pause !== null) {
        missed.letGo();
        await pause;
      }
      const message = this.#reader.isOpen ? await missed.take() : null;
      if (message === null) break;
      if (shared?.isFresh(message)) await shared.reach(message.conversationId, message.seq);
      if (isFirst && message.senderId === this.#userId) continue;
      const shown = await this.#shown(message);
      if (shown !== null) this.#hand(shown, this.#bodyOf(shown));
    }
    this.#missed = null;
  }

  get #owner(): FeedOwner {
    return { options: this.#options, userId: this.#userId, reader: this.#reader };
  }

  async #above(uptoId: string): Promise<MissedMessages> {
    const position = this.#position ?? FIRST_POSITION;
    if (!this.#isAcknowledged) await acknowledge(this.#owner, position);
    this.#isAcknowledged = true;
    return above(this.#owner, position, uptoId);
  }

  #newestUpTo(uptoId: string): Promise<string> {
    const isShown = (message: StoredMessage) =>
      whenReady(this.#shown(message), (shown) => shown !== null);
    return newestUpTo(this.#owner, this.#takenId, uptoId, isShown);
  }

  /**
   * null: the message is not for the user, who has left, or come later. While that is on its way to
   * disk it may come to nothing, and nobody would tell them of the message any more.
   */
  #shown(message: StoredMessage): MaybePromise<StoredMessage | null> {
    const { store, conversations } = this.#options;
    const { conversationId, seq } = message;
    return whenReady(conversations.findAs(this.#userId, conversationId), (conversation) => {
      const member = conversation?.members.get(this.#userId);
      if (member !== undefined && member.joinedSeq < seq) {
        return shownSince(member.joinedSeq, message);
      }
      if (conversation === null || conversation.uncommitted === 0) return null;
      return whenReady(store.conversation(conversationId), (stored) => {
        const kept = stored?.members.find(({ userId }) => userId === this.#userId);
        return kept === undefined || kept.joinedSeq >= seq
          ? null
          : shownSince(kept.joinedSeq, message);
      });
    });
  }
}
