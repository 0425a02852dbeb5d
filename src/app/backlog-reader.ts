import { Outgoing } from "../broker/outgoing.ts";
import type { BacklogReader } from "../chat/backlog.ts";
import { replayEvent } from "../chat/events.ts";
import type { StoredMessage } from "../chat/ports.ts";
import type { Session } from "../session/session.ts";
import type { SessionSubscription } from "../session/session-subscription.ts";
import { JSON_HEADERS } from "./stomp-outlet.ts";
import type { AppSession } from "./user-sessions.ts";

/** Replayed bytes after which other connections get their turn. */
const TURN_BYTES = 64 * 1024;

/** A subscription that catches up, as the backlog sees it. Paced: it never fills the send buffer. */
export class SubscriptionBacklogReader implements BacklogReader {
  readonly #session: Session;
  #turnBytes = 0;
  #resume: (() => void) | null = null;

  constructor(
    readonly appSession: AppSession,
    readonly subscription: SessionSubscription,
    /** Unsent bytes above which the replay waits for the client. */
    readonly highWaterBytes: number,
  ) {
    this.#session = appSession.session;
  }

  get isOpen(): boolean {
    return this.#session.isConnected && this.subscription.isOpen;
  }

  replay(message: StoredMessage): void {
    const body = replayEvent(message);
    this.#turnBytes += body.length;
    this.subscription.send(new Outgoing(message.id, body, JSON_HEADERS, message));
    if (this.subscription.ackMode === "auto") this.appSession.departures.add(message);
  }

  ready(): Promise<void> | null {
    const isFull = this.#session.connection.bufferedBytes() > this.highWaterBytes;
    if (isFull || this.subscription.awaitsAcknowledgement) {
      return new Promise((resolve) => {
        this.#resume = resolve;
      });
    }
    if (this.#turnBytes < TURN_BYTES) return null;
    this.#turnBytes = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** The send buffer has room, the client has acknowledged, or the session is gone. */
  resume(): void {
    this.#resume?.();
    this.#resume = null;
  }

  takeHeld(): StoredMessage[] {
    return this.subscription.takeHeld().flatMap(({ tag }) => (isMessage(tag) ? [tag] : []));
  }

  holds(messageId: string): boolean {
    return this.subscription.holds(messageId);
  }

  get heldCount(): number {
    return this.subscription.heldCount;
  }

  goLive(): void {
    this.subscription.goLive();
  }
}

/** Messages queues carry StoredMessages as their tags, and nothing else. */
export function isMessage(tag: unknown): tag is StoredMessage {
  return typeof tag === "object" && tag !== null && "seq" in tag && "conversationId" in tag;
}
