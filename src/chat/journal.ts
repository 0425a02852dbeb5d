import type { Clock } from "../clock.ts";
import { AppError, toAppError } from "../errors.ts";
import { StoreRecovery } from "../store-recovery.ts";
import { CommitConflict } from "./chat-writes.ts";
import type { Conversation, Learned } from "./conversation.ts";
import type { Member } from "./member.ts";
import {
  type ConversationChange,
  OpenBatch,
  type PendingChange,
  type PendingMark,
  type PendingMessage,
} from "./open-batch.ts";
import { ConversationOvertaken, type Overtaken, type Resumption } from "./overtaken.ts";
import type { ChatStore } from "./ports.ts";
import { RefusedMessages } from "./refused-messages.ts";
import type { StoredMessage, StoredUser } from "./stored-chats.ts";

/** A commit that takes longer keeps senders waiting for what they were promised. */
const SLOW_COMMIT_MS = 5_000;

export interface CommitOptions {
  /** From the beginning of a commit to that of the next one, at least. One that comes later never waits. */
  readonly commitIntervalMs: number;
  /** Runs a task when it is known what of this turn's messages has left for its recipients. */
  readonly atTurnEnd: (task: () => void) => void;
  /** Messages go into the outbox too, for who is to be told of them though they are not there. */
  readonly keepsOutbox: boolean;
}

export interface JournalListener {
  /** After a commit, once the messages have been told: what the marks mean can be told as well. */
  marked(marks: readonly PendingMark[]): void;
  /** Others have written to the conversation, and this is how it is now. */
  learned(conversation: Conversation, learned: Learned): void;
  /** The uncommitted messages of these conversations are not written, and will not be. */
  failed(conversations: ReadonlySet<Conversation>, error: AppError): void;
  /** Commits fail from now on, and why; null: they succeed again. */
  storeChanged(error: AppError | null): void;
  /** So many messages are on disk, so long after their commit began. */
  committed(messages: number, seconds: number): void;
  /** A fault in what follows a commit. */
  fault(fault: unknown): void;
}

/**
 * Group commit: one batch is on its way to the store, and what comes meanwhile is the next. An idle
 * server commits a message at once; a busy one hundreds together, since each commit costs the same
 * whatever it holds.
 */
export class Journal {
  #open: OpenBatch;
  #inFlight: OpenBatch | null = null;
  #begunMs = Number.NEGATIVE_INFINITY;
  #isScheduled = false;
  /** What waits until it is known what others have written before it. */
  readonly #overtaken = new Map<Conversation, Overtaken>();
  readonly #recovery: StoreRecovery;
  #idle: (() => void)[] = [];
  #afterCommit: (() => void)[] = [];

  constructor(
    readonly store: ChatStore,
    readonly listener: JournalListener,
    readonly clock: Clock,
    /** More uncommitted messages than this are refused, or more bytes of them. */
    readonly capacity: { readonly messages: number; readonly bytes: number },
    readonly options: CommitOptions,
  ) {
    this.#open = new OpenBatch(options.keepsOutbox);
    this.#recovery = new StoreRecovery({
      clock,
      commits: () => {
        this.#flush();
        return this.#inFlight !== null;
      },
      probe: () => store.probe(),
      changed: (error) => listener.storeChanged(error),
    });
  }

  /** The last commit failed. */
  get isFailing(): boolean {
    return this.#recovery.isFailing;
  }

  /** Commits succeed, but not as fast as messages come. */
  get isBehind(): boolean {
    const isSlow =
      this.#inFlight !== null && this.clock.monotonicMs() - this.#begunMs > SLOW_COMMIT_MS;
    const { messages, bytes } = this.capacity;
    return isSlow || this.uncommittedCount > messages / 2 || this.uncommittedBytes > bytes / 2;
  }

  get uncommittedCount(): number {
    let count = this.#open.messages.length + (this.#inFlight?.messages.length ?? 0);
    for (const { messages, events } of this.#overtaken.values()) {
      count += messages.length + events.length;
    }
    return count;
  }

  /** With the changes: who waits for them waits as for messages. */
  get #waitingCount(): number {
    let count = this.uncommittedCount + this.#open.changes.length;
    count += this.#inFlight?.changes.length ?? 0;
    for (const { changes, undone } of this.#overtaken.values()) {
      count += changes.length + undone.length;
    }
    return count;
  }

  get uncommittedBytes(): number {
    return this.#open.bytes + (this.#inFlight?.bytes ?? 0);
  }

  /** Throws STORAGE_UNAVAILABLE when the store is too far behind. */
  assertRoom(): void {
    const { messages, bytes } = this.capacity;
    if (this.#waitingCount >= messages || this.uncommittedBytes >= bytes) {
      throw new AppError("STORAGE_UNAVAILABLE", "The store is behind; send again in a moment");
    }
  }

  /** Uncommitted messages, oldest first. */
  *uncommitted(): IterableIterator<StoredMessage> {
    for (const pending of this.#inFlight?.messages ?? []) yield pending.message;
    for (const { messages } of this.#overtaken.values()) {
      for (const pending of messages) yield pending.message;
    }
    for (const pending of this.#open.messages) yield pending.message;
  }

  /** Something that the user said or arranged, or that they were there, is on its way to disk. */
  isBusyWith(userId: string): boolean {
    for (const { senderId } of this.uncommitted()) if (senderId === userId) return true;
    const isOwn = ({ what }: PendingChange) =>
      what.change === "preferences" && what.write.userId === userId;
    return (
      [this.#open, this.#inFlight].some(
        (batch) => batch !== null && (batch.users.has(userId) || batch.changes.some(isOwn)),
      ) || [...this.#overtaken.values()].some((each) => each.changes.some(isOwn))
    );
  }

  /** Those of the uncommitted messages that recipients have been shown, oldest first. */
  *shown(): IterableIterator<StoredMessage> {
    for (const batch of [this.#inFlight, this.#open]) {
      for (const { isShown, message } of batch?.messages ?? []) if (isShown) yield message;
    }
  }

  /** How far the user has received conversations, by their ids, where the store may not know yet. */
  uncommittedDeliveries(userId: string): Map<string, number> {
    const found = new Map<string, number>();
    for (const batch of [this.#inFlight, this.#open]) {
      for (const [member, { id }] of batch?.members ?? []) {
        if (member.userId === userId) found.set(id, member.deliveredSeq);
      }
    }
    return found;
  }

  addMessage(pending: PendingMessage): void {
    const overtaken = this.#overtaken.get(pending.conversation);
    if (overtaken !== undefined) {
      overtaken.add(pending);
      pending.conversation.uncommitted += 1;
      return;
    }
    if (!pending.conversation.persisted) this.#open.conversations.add(pending.conversation);
    this.#open.messages.push(pending);
    const { content, edited, attachments, mentions } = pending.message;
    this.#open.bytes += content.length + (edited === null ? 0 : edited.length);
    if (attachments !== null) this.#open.bytes += attachments.length;
    if (mentions !== null) this.#open.bytes += mentions.length;
    pending.conversation.uncommitted += 1;
  }

  /** The member's watermarks, as they are when the batch leaves; many moves are one write. */
  addWatermarks(conversation: Conversation, member: Member): void {
    if (this.#open.members.has(member)) return;
    this.#open.members.set(member, conversation);
    conversation.uncommitted += 1;
  }

  addChange(pending: PendingChange): void {
    const { conversation } = pending.what;
    if (isOfConversation(pending)) conversation.changesMade += 1;
    const overtaken = this.#overtaken.get(conversation);
    if (overtaken !== undefined) {
      overtaken.changes.push(pending);
      conversation.uncommitted += 1;
      return;
    }
    if (!conversation.persisted) this.#open.conversations.add(conversation);
    this.#open.changes.push(pending);
    this.#open.bytes += bytesOf(pending.what);
    conversation.uncommitted += 1;
  }

  /** Told to the listener after the commit that holds the watermark. */
  addMark(mark: PendingMark): void {
    this.addWatermarks(mark.conversation, mark.member);
    this.#open.marks.push(mark);
  }

  addUser(user: StoredUser): void {
    this.#open.users.set(user.userId, user);
  }

  /**
   * Starts a commit when the turn ends or the time for the next one has come, unless one is under way;
   * call it after the adding. The marks of messages that have left by then go with these.
   */
  flush(): void {
    if (this.#isScheduled || this.#inFlight !== null) return;
    this.#isScheduled = true;
    const waitMs = this.#begunMs + this.options.commitIntervalMs - this.clock.monotonicMs();
    if (waitMs > 0) this.clock.schedule(waitMs, this.#due);
    else this.options.atTurnEnd(this.#due);
  }

  readonly #due = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#inFlight !== null || this.#open.isEmpty) return;
    const batch = this.#open;
    this.#open = new OpenBatch(this.options.keepsOutbox);
    this.#inFlight = batch;
    this.#begunMs = this.clock.monotonicMs();
    batch.placeBehindOthers();
    this.store
      .commit(batch.toWrite(), (lastSeqs) => batch.behind(lastSeqs))
      .then(
        () => this.#committed(batch),
        (fault: unknown) => {
          if (fault instanceof CommitConflict) this.#conflicted(batch, fault);
          else this.#failed(batch, toAppError(fault));
        },
      )
      .catch((fault: unknown) => this.listener.fault(fault));
  }

  /** The conversation's members or its profile are to change, and that is on its way to disk. */
  isChanging(conversation: Conversation): boolean {
    if (conversation.uncommitted === 0) return false;
    const isOne = (pending: PendingChange) =>
      pending.what.conversation === conversation && isOfConversation(pending);
    const { changes = [], undone = [] } = this.#overtaken.get(conversation) ?? {};
    return [this.#open.changes, this.#inFlight?.changes ?? [], changes, undone].some((each) =>
      each.some(isOne),
    );
  }

  /** Resolves when it is known what has become of a batch. */
  nextCommit(): Promise<void> {
    return new Promise((resolve) => this.#afterCommit.push(resolve));
  }

  /** Resolves when nothing waits to be committed, or when the store fails. */
  drained(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Leaves the store alone unless something is added. */
  stop(): void {
    this.#recovery.stop();
  }

  #committed(batch: OpenBatch): void {
    this.#inFlight = null;
    const seconds = (this.clock.monotonicMs() - this.#begunMs) / 1_000;
    this.listener.committed(batch.messages.length, seconds);
    this.#recovery.succeeded();
    for (const conversation of batch.conversations) conversation.persisted = true;
    for (const { conversation, message } of batch.messages) {
      conversation.committedSeq = Math.max(conversation.committedSeq, message.seq);
    }
    this.#release(batch);
    batch.markOwn();
    for (const pending of batch.messages) this.#tell(() => pending.committed());
    this.listener.marked(batch.marks);
    batch.written();
    for (const pending of batch.changes) this.#tell(() => pending.committed());
    this.flush();
    this.#tellIdle();
  }

  /** One message's fault must not keep the others from hearing of theirs. */
  #tell(tell: () => void): void {
    try {
      tell();
    } catch (fault) {
      this.listener.fault(fault);
    }
  }

  /** What waited behind the batch builds on it: later seqs, marks on its messages. It goes too. */
  #failed(batch: OpenBatch, error: AppError): void {
    this.#inFlight = null;
    this.#recovery.failed(error);
    const lost = [batch, this.#takeOpen()];
    const messages = lost.flatMap((each) => each.messages);
    const changes = lost.flatMap((each) => each.changes);
    for (const each of lost) this.#release(each);
    this.#undo(changes);
    const affected = new Set(messages.map(({ conversation }) => conversation));
    for (const { what } of changes) affected.add(what.conversation);
    this.listener.failed(affected, error);
    for (const pending of messages) this.#tell(() => pending.refused(error));
    for (const pending of changes) this.#tell(() => pending.refused(error));
    this.#keep(lost, new Set(messages));
    this.#tellIdle();
  }

  /**
   * The store works, but some messages are not for it. What nobody has been shown waits until it is
   * known what others have written to its conversation, and comes behind that. Other conversations lose
   * what is uncommitted of them, since later messages have later seqs; all else is committed again.
   */
  #conflicted(batch: OpenBatch, error: CommitConflict): void {
    this.#inFlight = null;
    this.#recovery.undecided();
    batch.takeBack();
    const lost = [batch, this.#takeOpen()];
    const refused = new RefusedMessages(batch, error);
    const waiting = refused.takeOvertaken(lost);
    for (const overtaken of waiting) this.#overtaken.set(overtaken.conversation, overtaken);
    const { conversations } = refused;
    const changes = lost.flatMap((each) => each.changes);
    const goneChanges = refused.changesOf(lost);
    for (const each of lost) this.#release(each);
    this.#undo([...goneChanges]);
    if (conversations.size > 0) this.listener.failed(conversations, error);
    for (const pending of changes) if (!goneChanges.has(pending)) this.addChange(pending);
    const gone = new Set<PendingMessage>();
    // Before anybody is told: who hears of it may send, and comes behind these.
    for (const pending of lost.flatMap((each) => each.messages)) {
      if (conversations.has(pending.conversation)) gone.add(pending);
      else this.addMessage(pending);
    }
    this.#keep(lost, gone);
    this.flush();
    for (const pending of gone) {
      const first = refused.firsts.get(pending);
      this.#tell(() => (first === undefined ? pending.refused(error) : pending.repeated(first)));
    }
    for (const pending of goneChanges) this.#tell(() => pending.refused(error));
    for (const overtaken of waiting) {
      overtaken.undo();
      void this.#lookUp(overtaken, error);
    }
    this.flush();
    this.#tellIdle();
  }

  async #lookUp(overtaken: Overtaken, error: AppError): Promise<void> {
    const { conversation } = overtaken;
    let reason: AppError = error;
    let resumption: Resumption | null = null;
    try {
      const stored = await this.store.conversation(conversation.id);
      resumption = overtaken.resume(stored, error);
      if (stored !== null) reason = new ConversationOvertaken();
    } catch (fault) {
      reason = toAppError(fault);
    }
    this.#overtaken.delete(conversation);
    overtaken.undo();
    const { messages, events, undone } = overtaken;
    conversation.uncommitted -= messages.length + events.length + undone.length;
    if (resumption === null) {
      const all = [...messages, ...events];
      this.listener.failed(new Set([conversation]), error);
      for (const pending of all) this.#tell(() => pending.refused(error));
    } else {
      const { learned, placed, repeated, refused } = resumption;
      this.#tell(() => this.listener.learned(conversation, learned));
      for (const pending of placed) this.addMessage(pending);
      for (const [pending, first] of repeated) this.#tell(() => pending.repeated(first));
      for (const [pending, why] of refused) this.#tell(() => pending.refused(why));
      for (const pending of events) this.#tell(() => pending.refused(error));
    }
    for (const pending of undone) this.#tell(() => pending.refused(reason));
    this.flush();
    this.#tellIdle();
  }

  /** What was gathered since the batch in flight left; nothing of either counts as uncommitted. */
  #takeOpen(): OpenBatch {
    const waiting = this.#open;
    this.#open = new OpenBatch(this.options.keepsOutbox);
    return waiting;
  }

  /**
   * Adds again what batches held beside messages, unless it is about those that are gone: watermarks
   * and users are written with the next batch.
   */
  #keep(lost: readonly OpenBatch[], gone: ReadonlySet<PendingMessage>): void {
    for (const { users } of lost.toReversed()) {
      for (const user of users.values()) {
        if (!this.#open.users.has(user.userId)) this.#open.users.set(user.userId, user);
      }
    }
    const goneMessages = new Set([...gone].map(({ message }) => message));
    for (const { members, marks } of lost) {
      for (const [member, conversation] of members) {
        const isKept = conversation.persisted || this.#open.conversations.has(conversation);
        if (isKept) this.addWatermarks(conversation, member);
      }
      for (const mark of marks) if (!goneMessages.has(mark.message)) this.addMark(mark);
    }
  }

  /** The last one first. */
  #undo(changes: readonly PendingChange[]): void {
    for (const pending of changes.toReversed()) pending.undo();
  }

  get #isIdle(): boolean {
    return this.#inFlight === null && this.#open.isEmpty && this.#overtaken.size === 0;
  }

  #release(batch: OpenBatch): void {
    for (const { conversation } of batch.messages) conversation.uncommitted -= 1;
    for (const { what } of batch.changes) what.conversation.uncommitted -= 1;
    for (const conversation of batch.members.values()) conversation.uncommitted -= 1;
  }

  #tellIdle(): void {
    for (const resolve of this.#afterCommit.splice(0)) resolve();
    if (!this.isFailing && !this.#isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function bytesOf(what: ConversationChange): number {
  return what.change === "message" && what.write.kind === "edit" ? what.write.content.length : 0;
}

/** It changes what other conversations of the same id in memory would have to learn. */
function isOfConversation({ what: { change } }: PendingChange): boolean {
  return change !== "none" && change !== "preferences" && change !== "message";
}
