import { Outgoing } from "../broker/outgoing.ts";
import { replayEvent } from "../chat/events.ts";
import type { ReplayReader } from "../chat/replay.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type { Session } from "../session/session.ts";
import type { SessionSubscription } from "../session/session-subscription.ts";
import { ReaderPace } from "./reader-pace.ts";
import { JSON_HEADERS } from "./stomp-outlet.ts";
import { type AppSession, awaitDeparture } from "./user-sessions.ts";

/** A subscription that catches up, as chat sees it. Paced: it never fills the send buffer. */
export class SubscriptionReplayReader implements ReplayReader {
  readonly #session: Session;
  readonly #pace = new ReaderPace();

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

  hold(receive: (message: StoredMessage) => void): void {
    this.subscription.hold(({ tag }) => {
      if (isMessage(tag)) receive(tag);
    });
  }

  goLive(): void {
    this.subscription.goLive();
  }

  replay(message: StoredMessage): void {
    const body = replayEvent(message);
    this.#pace.handedOver(body.length);
    this.subscription.send(new Outgoing(message.id, body, JSON_HEADERS, message));
    if (this.subscription.ackMode === "auto") awaitDeparture(this.appSession, message);
  }

  ready(): Promise<void> | null {
    const isFull = this.#session.connection.bufferedBytes() > this.highWaterBytes;
    return this.#pace.pause(isFull || this.subscription.awaitsAcknowledgement);
  }

  /** The send buffer has room, the client has acknowledged, or the subscription is gone. */
  resume(): void {
    this.#pace.resume();
  }
}

/** Messages queues carry StoredMessages as their tags, and nothing else. */
export function isMessage(tag: unknown): tag is StoredMessage {
  return typeof tag === "object" && tag !== null && "seq" in tag && "conversationId" in tag;
}
