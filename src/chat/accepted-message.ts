import type { AppError } from "../errors.ts";
import type { Conversation } from "./conversation.ts";
import type { PendingMessage } from "./open-batch.ts";
import type { Origin } from "./outlet.ts";
import type { RecentMessage } from "./recent-messages.ts";
import type { SentMessage, StoredMessage } from "./stored-chats.ts";

/**
 * Called once: null when the message is on disk, else why it is not. `kept` is what is on disk: of a
 * repeat the first one; null with an error.
 */
export type Settled = (error: AppError | null, kept: SentMessage | null) => void;

/** Who hears of what becomes of an accepted message. */
export interface AcceptedListener {
  onCommitted(accepted: Accepted): void;
  onRefused(accepted: Accepted, error: AppError): void;
  onRepeated(accepted: Accepted, first: SentMessage): void;
  hindranceOf(accepted: Accepted): AppError | null;
}

/** An accepted message's entry in the journal. */
export class Accepted implements PendingMessage {
  recent: RecentMessage<Accepted> | null = null;
  readonly #settled: Settled;
  /** Of repeats that came before the commit. */
  #others: Settled[] | null = null;

  constructor(
    readonly listener: AcceptedListener,
    public message: StoredMessage,
    readonly conversation: Conversation,
    readonly origin: Origin | null,
    readonly isShown: boolean,
    settled: Settled,
  ) {
    this.#settled = settled;
  }

  await(settled: Settled): void {
    this.#others ??= [];
    this.#others.push(settled);
  }

  settle(error: AppError | null, kept: SentMessage | null): void {
    this.#settled(error, kept);
    for (const settled of this.#others?.splice(0) ?? []) settled(error, kept);
  }

  place(seq: number): void {
    this.message = { ...this.message, seq };
    if (this.recent !== null) this.recent.message = this.message;
    this.conversation.hiddenSeq = Math.max(this.conversation.hiddenSeq, seq);
  }

  hindrance(): AppError | null {
    return this.listener.hindranceOf(this);
  }

  committed(): void {
    this.listener.onCommitted(this);
  }

  refused(error: AppError): void {
    this.listener.onRefused(this, error);
  }

  repeated(first: SentMessage): void {
    this.listener.onRepeated(this, first);
  }
}
