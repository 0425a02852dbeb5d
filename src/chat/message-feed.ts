import { whenReady } from "../maybe-promise.ts";
import type { Conversations } from "./conversations.ts";
import { replayEvent, shownSince } from "./events.ts";
import type { Journal } from "./journal.ts";
import { MissedMessages, seqAt } from "./missed-messages.ts";
import type { BacklogHead, ChatStore, StoredMessage } from "./ports.ts";
import type { RecentMessages } from "./recent-messages.ts";

/** Past either, messages that wait for their commit are let go of, and read from the store later. */
const MOST_HELD = 1_000;
const MOST_HELD_CONTENT = 128 * 1_024;

/** Conversations that are looked at before others have their turn. */
const LOOKED_AT_IN_TURN = 16;

/** Before the first message that there ever was. */
export const FIRST_POSITION = "00000000-0000-0000-0000-000000000000";

/** Who reads a feed. */
export interface FeedReader {
  readonly isOpen: boolean;
  /** Its position says that it has the message, and those before it, which nobody knew. */
  has(message: StoredMessage): void;
  /** Takes the message; with it everything of the user's whose id is no higher. */
  take(message: StoredMessage, body: string): void;
  /** There is nothing more up to that position, and what follows comes as it happens. */
  caughtUp(position: string): void;
  /** Room for more: null at once, else a promise that resolves also when the reader is gone. */
  ready(): Promise<void> | null;
}

export interface FeedOptions {
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly journal: Journal;
  readonly recent: RecentMessages;
}

interface Held {
  readonly message: StoredMessage;
  readonly body: string;
}

/**
 * A user's messages for a reader who keeps one position for all conversations: those that are on
 * disk, each once, in the order of their ids. So the id of the last one taken says exactly what the
 * reader has, after a crash of the server too, and nothing that was taken is ever taken back.
 *
 * First comes what is missing, read from the store up to the last message there. What happens
 * meanwhile is held, and follows; from then on each message goes out when its commit is done. Ids
 * ascend in the order in which messages are accepted, and so are committed (`ascendingUuids`).
 */
export class MessageFeed {
  readonly #options: FeedOptions;
  readonly #userId: string;
  readonly #reader: FeedReader;
  /** The reader has everything up to here; null: what the user has received on some device. */
  #position: string | null;
  /**
   * The same, as the reader may know it: by an id of the user's messages, and of nobody else's. null
   * until that has been found out.
   */
  #known: string | null;
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

  /** @param position as an id of a message, or FIRST_POSITION; null: see `ChatStore.backlog` */
  constructor(options: FeedOptions, userId: string, reader: FeedReader, position: string | null) {
    this.#options = options;
    this.#userId = userId;
    this.#reader = reader;
    this.#position = position;
    this.#known = position;
  }

  /** `flush` is due after the next commit. */
  get isWaiting(): boolean {
    return !this.#isLive || this.#held.length > 0 || this.#isOverfull;
  }

  /** A message has been shown to the user, and is on disk or on its way. */
  readonly receive = (message: StoredMessage, body: string): void => {
    if (this.#isOverfull) return;
    this.#held.push({ message, body });
    this.#heldContent += body.length;
    if (this.#held.length <= MOST_HELD && this.#heldContent <= MOST_HELD_CONTENT) return;
    this.#isOverfull = true;
    this.#clear();
  };

  /**
   * To be called when `receive` hears of everything from now on. Resolves when the reader has caught
   * up, or is gone; rejects with STORAGE_UNAVAILABLE, and then the reader must come again.
   */
  async start(): Promise<void> {
    this.#isLive = false;
    let known: string;
    do {
      this.#hasMissedCommit = false;
      this.#holdShown();
      // Everything up to here is in the store; the rest is held, or is told when it is.
      const uptoId = (await this.#options.store.lastMessageId()) ?? FIRST_POSITION;
      // One of a database that a backup has been restored into since: nothing here is above it.
      if (this.#position !== null && this.#position > uptoId) {
        this.#position = uptoId;
        this.#known = null;
      }
      await this.#catchUp(uptoId);
      if (!this.#reader.isOpen) return;
      if (this.#position === null || this.#position < uptoId) this.#position = uptoId;
      known = this.#known ?? (await this.#newestUpTo(uptoId));
      // What was let go of and is not on disk yet comes with a commit to follow.
    } while (this.#isOverfull && this.#hasMissedCommit);
    this.#isLive = true;
    this.#known = known;
    this.#reader.caughtUp(known);
    if (!this.#isOverfull) this.#handDue();
  }

  /** After a commit, when all of it has been told: hands over what is on disk now. */
  flush(): Promise<void> | undefined {
    if (!this.#isLive) {
      this.#hasMissedCommit = true;
      return undefined;
    }
    if (this.#isOverfull) return this.start();
    this.#handDue();
    return undefined;
  }

  #handDue(): void {
    const due: Held[] = [];
    const waiting = this.#held.filter((held) => {
      const standing = this.#standingOf(held.message);
      if (standing === "kept") due.push(held);
      return standing === "waiting";
    });
    this.#clear();
    this.#held = waiting;
    for (const { body } of waiting) this.#heldContent += body.length;
    due.sort((a, b) => (a.message.id < b.message.id ? -1 : 1));
    for (const { message, body } of due) this.#hand(message, body);
  }

  #clear(): void {
    this.#held = [];
    this.#heldContent = 0;
  }

  #hand(message: StoredMessage, body: string): void {
    if (!this.#reader.isOpen || message.id <= (this.#position ?? "")) return;
    this.#position = message.id;
    this.#takenId = message.id;
    if (this.#known !== null) this.#known = message.id;
    this.#reader.take(message, body);
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
      this.receive(message, replayEvent(message));
    }
  }

  async #catchUp(uptoId: string): Promise<void> {
    const isFirst = this.#position === null;
    const missed = isFirst ? await this.#unreceived(uptoId) : await this.#after(uptoId);
    while (this.#reader.isOpen) {
      const pause = this.#reader.ready();
      if (pause !== null) await pause;
      const message = this.#reader.isOpen ? await missed.take() : null;
      if (message === null) return;
      if (isFirst && message.senderId === this.#userId) continue;
      const shown = await this.#shown(message);
      if (shown !== null) this.#hand(shown, replayEvent(shown));
    }
  }

  /** null: the message is not for the user, who has left, or come later. */
  #shown(message: StoredMessage) {
    const { conversations } = this.#options;
    return whenReady(conversations.find(message.conversationId), (conversation) => {
      const member = conversation?.members.get(this.#userId);
      if (member === undefined || member.joinedSeq >= message.seq) return null;
      return shownSince(member.joinedSeq, message);
    });
  }

  /** What the user has received on no device. */
  async #unreceived(uptoId: string): Promise<MissedMessages> {
    const { store, journal } = this.#options;
    const received = journal.uncommittedDeliveries(this.#userId);
    const heads = await store.backlog(this.#userId);
    const missed = new MissedMessages(store, uptoId, heads.length);
    await this.#each(heads, async ({ conversationId, deliveredSeq }) => {
      const afterSeq = Math.max(deliveredSeq, received.get(conversationId) ?? 0);
      await missed.add(conversationId, afterSeq);
    });
    return missed;
  }

  /** What is above the reader's position. */
  async #after(uptoId: string): Promise<MissedMessages> {
    const { store } = this.#options;
    const position = this.#position ?? FIRST_POSITION;
    if (!this.#isAcknowledged) await this.#acknowledge(position);
    this.#isAcknowledged = true;
    const heads = await store.conversationsAfter(this.#userId, position);
    const missed = new MissedMessages(store, uptoId, heads.length);
    await this.#each(heads, async (head) => {
      await missed.add(head.conversationId, await seqAt(store, head, position));
    });
    return missed;
  }

  /** The highest id of the user's messages. */
  async #newestUpTo(uptoId: string): Promise<string> {
    let highest = this.#takenId;
    const newest = await this.#options.store.conversationsAfter(this.#userId, highest);
    for (const { messageId } of newest) {
      if (messageId !== null && messageId <= uptoId && messageId > highest) highest = messageId;
    }
    return highest;
  }

  /** Of what the user has received on no device, so far as is known, the reader has this. */
  async #acknowledge(position: string): Promise<void> {
    const { store } = this.#options;
    await this.#each(await store.backlog(this.#userId), async (head) => {
      const message = await this.#lastOfOthers(head, await seqAt(store, head, position));
      if (message !== null) this.#reader.has(message);
    });
  }

  /** The last message up to that `seq` that the user does not have, so far as is known. */
  async #lastOfOthers(
    { conversationId, deliveredSeq }: BacklogHead,
    uptoSeq: number,
  ): Promise<StoredMessage | null> {
    for (let seq = uptoSeq; seq > deliveredSeq; ) {
      const query = { conversationId, beforeSeq: seq + 1, limit: 10 };
      const page = await this.#options.store.history(query);
      const message = page.findLast(({ senderId }) => senderId !== this.#userId);
      if (message !== undefined) return message.seq > deliveredSeq ? message : null;
      seq = (page[0]?.seq ?? 0) - 1;
    }
    return null;
  }

  async #each<Head>(heads: readonly Head[], look: (head: Head) => Promise<void>): Promise<void> {
    for (const [count, head] of heads.entries()) {
      if (!this.#reader.isOpen) return;
      if (count % LOOKED_AT_IN_TURN === LOOKED_AT_IN_TURN - 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await look(head);
    }
  }
}
