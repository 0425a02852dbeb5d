import type { StoredMessage } from "../chat/stored-chats.ts";
import type { MaybePromise } from "../maybe-promise.ts";

/** The type of events that are about a message, be it one of the server's own. */
export const MESSAGE_CREATED = "message.created";

/** Something that the app's back end is told of. */
export interface WebhookEvent {
  /** Unique, and the same for each attempt: receivers that keep ids take it once. */
  readonly id: string;
  /** Such as `message.created`. */
  readonly type: string;
  /** Events of one lane are told in the order in which they were added, one after the other. */
  readonly lane: string;
  /** Epoch milliseconds. */
  readonly createdMs: number;
  /** What it says, as JSON; null: it is about the message whose id it has, and tells what that is. */
  readonly data: string | null;
}

export interface DueWebhookEvent extends WebhookEvent {
  /** In the order of their adding. */
  readonly position: number;
  readonly attempts: number;
  /** As it is now, what it is about; null: nothing, or it has been removed. */
  readonly message: StoredMessage | null;
}

export type WebhookOutcome = { readonly position: number } & (
  | { readonly kind: "sent" }
  | { readonly kind: "later"; readonly dueMs: number; readonly attempts: number }
  | {
      readonly kind: "dead";
      readonly letterId: string;
      readonly attempts: number;
      readonly reason: string;
      readonly diedMs: number;
    }
);

/**
 * Where events for the app's back end wait. Those of messages come out of the outbox (see
 * `NoticeStore.expand`), with the conversation as their lane and the message's id as their own.
 *
 * Writes resolve when they are durable, but that `settle` may be undone by a power cut, as that of
 * `NoticeStore` may: what was sent is then sent again, with the same id. One that rejects with AppError STORAGE_UNAVAILABLE may have
 * been done nonetheless: again, what is added is there twice, and outcomes are the same.
 */
export interface WebhookStore {
  add(events: readonly WebhookEvent[]): Promise<void>;
  /**
   * Of each lane the first event that waits, where it is due and its lane is none of these; the one
   * due first first, and of those due at once the one added first.
   */
  due(nowMs: number, busyLanes: readonly string[], limit: number): MaybePromise<DueWebhookEvent[]>;
  /** When the first event of a lane is due that is none of these; null: nothing waits. */
  nextDueMs(busyLanes: readonly string[]): MaybePromise<number | null>;
  /**
   * In one transaction. What follows an event that was sent, or is dead, is due as soon as it was
   * added. An event that is not there any more is left out.
   */
  settle(outcomes: readonly WebhookOutcome[]): Promise<void>;
  /** How many wait: for metrics, up to `MOST_WAITING_EVENTS`. */
  waiting(): MaybePromise<number>;
  /**
   * Adds the events anew of messages from that time on, behind that message; null begins with the
   * first. They come in the order of the messages' making, those of one conversation by their `seq`,
   * where nodes' clocks do not differ by more than what a portion holds.
   */
  addAgain(fromMs: number, after: string | null, limit: number): Promise<AddedAgain>;
}

export interface AddedAgain {
  readonly count: number;
  /** Behind which message the next portion goes on; null: all are added. */
  readonly next: string | null;
}

/** More are not counted. */
export const MOST_WAITING_EVENTS = 10_000;
