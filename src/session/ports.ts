import type { Credentials } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import type { Remote } from "../auth/remote.ts";
import type { Destination } from "../broker/destination.ts";
import type { Peer } from "../broker/subscription.ts";
import type { TopicPattern } from "../broker/topic-pattern.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Frame } from "../stomp/frame.ts";
import type { PendingLimits } from "./frame-sequence.ts";
import type { PrefetchLimits } from "./headers.ts";
import type { Session } from "./session.ts";
import type { SessionSubscription } from "./session-subscription.ts";
import type { TimeLimitSettings } from "./time-limits.ts";
import type { Settlement, TransactionLimits } from "./transactions.ts";

/** How a transport carries STOMP: as it is, as SockJS frames, or as a stream of bytes. */
export type Framing = "raw" | "sockjs" | "stream";

/** The transport under a session. */
export interface Connection extends Peer {
  readonly framing: Framing;
  /** What the peer has not taken yet, in bytes; 0 once the connection is gone. */
  bufferedBytes(): number;
  /** What the peer has not taken says that it reads slowly; not of one that takes it when it asks next. */
  readonly isReading: boolean;
  /** Closes after what was sent. Idempotent. */
  close(code: number, reason: string): void;
  /** Drops the connection and what it still holds. Idempotent. */
  terminate(): void;
  readonly remote: Remote;
}

/** How a session may listen to a destination. */
export type SubscriptionPolicy =
  /** One of the consumers of a work queue. */
  | { readonly kind: "work-queue" }
  | {
      readonly kind: "broadcast";
      /** The key to listen under, see `userQueue`. */
      readonly key: string;
      /** The destination has wildcards. */
      readonly pattern: TopicPattern | null;
      /**
       * The client may subscribe again and again, with ever new ids, and still gets each message
       * once; the newest id carries it.
       */
      readonly oncePerConnection: boolean;
      /** The subscription starts held; `catchUp` sends what was missed and lets it go on. */
      readonly catchUp: boolean;
      /** It is still so: looked at in the turn of the opening, which may be later than the asking. */
      readonly holds: () => boolean;
    };

/** The application has taken the frame, and answers its receipt itself, later. */
export const RECEIPT_DEFERRED = Symbol("receipt deferred");

/**
 * What a session is for. Methods throw AppErrors: fatal ones end the connection with an ERROR frame,
 * others reach the client on its errors queue.
 */
export interface Application {
  /** Throws AUTHENTICATION_REQUIRED, AUTHENTICATION_FAILED or TOKEN_EXPIRED. */
  authenticate(credentials: Credentials): MaybePromise<Principal>;
  /** Just before CONNECTED goes out. Throws TOO_MANY_CONNECTIONS. */
  permitConnection(principal: Principal): void;
  /** A SEND to a topic or a work queue has come. Throws RATE_LIMITED. */
  countSend(session: Session): void;
  /** After CONNECTED went out. */
  connected(session: Session): void;
  /** Once for each session that was `connected`, however it ended. */
  disconnected(session: Session): void;
  /** Throws when the session may not send there. For `/app/**`, `send` follows. */
  permitSend(session: Session, destination: Destination): void;
  /** A SEND to `/app/**`. */
  send(
    session: Session,
    destination: string,
    frame: Frame,
  ): MaybePromise<typeof RECEIPT_DEFERRED | undefined>;
  /** May the session listen there, and how. */
  admit(session: Session, destination: Destination, frame: Frame): MaybePromise<SubscriptionPolicy>;
  catchUp(session: Session, subscription: SessionSubscription): void;
  unsubscribed(session: Session, subscriptionId: string): void;
  /** Messages, other than of work queues, that the client acknowledged (ACK) or refused (NACK). */
  acknowledged(session: Session, settlement: Settlement): void;
  /** What it keeps for the session until something else happens, in bytes. */
  heldBytes(session: Session): number;
  /** The send buffer, once full, is empty again. */
  drained(session: Session): void;
}

export interface SessionLimits
  extends TimeLimitSettings,
    PendingLimits,
    TransactionLimits,
    PrefetchLimits {
  readonly frameBytes: number;
  /** Before CONNECT is accepted. */
  readonly connectFrameBytes: number;
  readonly headers: number;
  readonly headerLineBytes: number;
  readonly subscriptions: number;
  /** Of those, with wildcards. */
  readonly patterns: number;
  readonly unacknowledgedBytes: number;
  readonly sendBufferBytes: number;
}

export interface HeartbeatSettings {
  readonly sendMs: number;
  readonly receiveMs: number;
  readonly minimumMs: number;
}
