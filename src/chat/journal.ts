import type { Clock, Timer } from "../clock.ts";
import { AppError, toAppError } from "../errors.ts";
import type { Conversation, Member } from "./conversations.ts";
import type { Origin } from "./outlet.ts";
import type {
  ChatStore,
  NewConversation,
  StoredMessage,
  StoredUser,
  WatermarkWrite,
} from "./ports.ts";

/** A message on its way to disk, and what happens when it is there. */
export interface PendingMessage {
  readonly message: StoredMessage;
  readonly conversation: Conversation;
  /** Recipients have it already. */
  readonly isShown: boolean;
  committed(): void;
  /** Nothing of it was written. */
  refused(error: AppError): void;
}

/** How long after a failed commit the watermarks that it held are tried again, without new messages. */
const RETRY_MS = 1_000;

export interface JournalListener {
  /** After a commit, once the messages have been told: what the marks mean can be told as well. */
  marked(marks: readonly PendingMark[]): void;
  /** A batch was not written, nor will be what waited behind it. */
  failed(conversations: ReadonlySet<Conversation>, error: AppError): void;
  /** A fault in what follows a commit. */
  fault(fault: unknown): void;
}

/** A watermark that moved because of this message. */
export interface PendingMark {
  readonly kind: "delivered" | "read";
  readonly conversation: Conversation;
  readonly member: Member;
  /** The watermark before. */
  readonly fromSeq: number;
  readonly message: StoredMessage;
  /** The connection that moved it, if one is to be told apart. */
  readonly origin: Origin | null;
}

/**
 * Group commit without a timer: one batch is on its way to the store, and what comes meanwhile is
 * the next. An idle server commits a message at once; a busy one hundreds together.
 */
export class Journal {
  #open = new OpenBatch();
  #inFlight: OpenBatch | null = null;
  #failing = false;
  #retry: Timer | null = null;
  #idle: (() => void)[] = [];
  readonly #dirty = new Map<Conversation, number>();

  constructor(
    readonly store: ChatStore,
    readonly listener: JournalListener,
    readonly clock: Clock,
    /** More uncommitted messages than this are refused, or more bytes of them. */
    readonly capacity: { readonly messages: number; readonly bytes: number },
  ) {}

  /** The last commit failed. */
  get isFailing(): boolean {
    return this.#failing;
  }

  get uncommittedCount(): number {
    return this.#open.messages.length + (this.#inFlight?.messages.length ?? 0);
  }

  get uncommittedBytes(): number {
    return this.#open.bytes + (this.#inFlight?.bytes ?? 0);
  }

  /** Throws STORAGE_UNAVAILABLE when the store is too far behind. */
  assertRoom(): void {
    const { messages, bytes } = this.capacity;
    if (this.uncommittedCount >= messages || this.uncommittedBytes >= bytes) {
      throw new AppError("STORAGE_UNAVAILABLE", "The store is behind; send again in a moment");
    }
  }

  isDirty(conversation: Conversation): boolean {
    return this.#dirty.has(conversation);
  }

  /** Uncommitted messages, oldest first. */
  *uncommitted(): IterableIterator<StoredMessage> {
    for (const pending of this.#inFlight?.messages ?? []) yield pending.message;
    for (const pending of this.#open.messages) yield pending.message;
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
    if (!pending.conversation.persisted) this.#open.conversations.add(pending.conversation);
    this.#open.messages.push(pending);
    this.#open.bytes += pending.message.content.length;
    this.#touch(pending.conversation);
  }

  /** The member's watermarks, as they are when the batch leaves; many moves are one write. */
  addWatermarks(conversation: Conversation, member: Member): void {
    if (this.#open.members.has(member)) return;
    this.#open.members.set(member, conversation);
    this.#touch(conversation);
  }

  /** Told to the listener after the commit that holds the watermark. */
  addMark(mark: PendingMark): void {
    this.addWatermarks(mark.conversation, mark.member);
    this.#open.marks.push(mark);
  }

  addUser(user: StoredUser): void {
    this.#open.users.set(user.userId, user);
  }

  /** Starts a commit unless one is under way; call it after the adding. */
  flush(): void {
    if (this.#inFlight !== null || this.#open.isEmpty) return;
    const batch = this.#open;
    this.#open = new OpenBatch();
    this.#inFlight = batch;
    this.#retry?.cancel();
    this.store
      .commit(batch.toWrite())
      .then(
        () => this.#committed(batch),
        (fault: unknown) => this.#failed(batch, toAppError(fault)),
      )
      .catch((fault: unknown) => this.listener.fault(fault));
  }

  /** Resolves when nothing waits to be committed, or when the store fails. */
  drained(): Promise<void> {
    if (this.#inFlight === null && this.#open.isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #committed(batch: OpenBatch): void {
    this.#inFlight = null;
    this.#failing = false;
    this.flush(); // The next batch is on its way while this one is told.
    for (const conversation of batch.conversations) conversation.persisted = true;
    for (const { conversation, message } of batch.messages) {
      conversation.committedSeq = Math.max(conversation.committedSeq, message.seq);
    }
    this.#release(batch);
    for (const pending of batch.messages) this.#tell(pending);
    this.listener.marked(batch.marks);
    batch.written();
    this.flush();
    this.#tellIdle();
  }

  /** One message's fault must not keep the others from being confirmed. */
  #tell(pending: PendingMessage): void {
    try {
      pending.committed();
    } catch (fault) {
      this.listener.fault(fault);
    }
  }

  /** What waited behind the batch builds on it: later seqs, marks on its messages. It goes too. */
  #failed(batch: OpenBatch, error: AppError): void {
    this.#inFlight = null;
    this.#failing = true;
    const waiting = this.#open;
    this.#open = new OpenBatch();
    const conversations = new Set<Conversation>();
    for (const lost of [batch, waiting]) {
      for (const { conversation } of lost.messages) conversations.add(conversation);
      this.#release(lost);
    }
    this.listener.failed(conversations, error);
    for (const lost of [batch, waiting]) {
      for (const pending of lost.messages) pending.refused(error);
    }
    // Watermarks and users are written again with the next batch; they are about committed messages.
    for (const lost of [batch, waiting]) this.#keep(lost);
    if (!this.#open.isEmpty) this.#retry = this.clock.schedule(RETRY_MS, () => this.flush());
    this.#tellIdle();
  }

  #keep(lost: OpenBatch): void {
    for (const user of lost.users.values()) {
      if (!this.#open.users.has(user.userId)) this.#open.users.set(user.userId, user);
    }
    for (const [member, conversation] of lost.members) {
      if (conversation.persisted) this.addWatermarks(conversation, member);
    }
    for (const mark of lost.marks) {
      if (mark.message.seq <= mark.conversation.committedSeq) this.addMark(mark);
    }
  }

  #touch(conversation: Conversation): void {
    this.#dirty.set(conversation, (this.#dirty.get(conversation) ?? 0) + 1);
  }

  #release(batch: OpenBatch): void {
    for (const { conversation } of batch.messages) this.#untouch(conversation);
    for (const conversation of batch.members.values()) this.#untouch(conversation);
  }

  #untouch(conversation: Conversation): void {
    const count = this.#dirty.get(conversation) ?? 0;
    if (count <= 1) this.#dirty.delete(conversation);
    else this.#dirty.set(conversation, count - 1);
  }

  #tellIdle(): void {
    const stalled = this.#failing || (this.#inFlight === null && this.#open.isEmpty);
    if (!stalled) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

class OpenBatch {
  readonly conversations = new Set<Conversation>();
  readonly messages: PendingMessage[] = [];
  readonly members = new Map<Member, Conversation>();
  readonly marks: PendingMark[] = [];
  readonly users = new Map<string, StoredUser>();
  /** Of the messages' contents, about. */
  bytes = 0;
  #watermarks: readonly WatermarkWrite[] = [];

  get isEmpty(): boolean {
    return this.messages.length === 0 && this.members.size === 0 && this.users.size === 0;
  }

  toWrite(): {
    conversations: NewConversation[];
    messages: StoredMessage[];
    watermarks: WatermarkWrite[];
    users: StoredUser[];
  } {
    const watermarks: WatermarkWrite[] = [];
    for (const [member, conversation] of this.members) {
      const { userId, deliveredSeq, readSeq } = member;
      watermarks.push({ conversationId: conversation.id, userId, deliveredSeq, readSeq });
    }
    this.#watermarks = watermarks;
    return {
      conversations: [...this.conversations].map((conversation) => ({
        id: conversation.id,
        kind: conversation.kind,
        createdMs: conversation.createdMs,
        memberIds: [...conversation.members.keys()],
      })),
      messages: this.messages.map((pending) => pending.message),
      watermarks,
      users: [...this.users.values()],
    };
  }

  /** The watermarks are on disk as they were when the batch left. */
  written(): void {
    let at = 0;
    for (const member of this.members.keys()) {
      const deliveredSeq = this.#watermarks[at]?.deliveredSeq ?? 0;
      member.durableDeliveredSeq = Math.max(member.durableDeliveredSeq, deliveredSeq);
      at += 1;
    }
  }
}
