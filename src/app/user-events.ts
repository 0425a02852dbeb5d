import type { Broker } from "../broker/broker.ts";
import { userQueue } from "../broker/destination.ts";
import type { Subscription } from "../broker/subscription.ts";
import type { Chat } from "../chat/chat.ts";
import type { FeedReader, MessageFeed } from "../chat/message-feed.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Session } from "../session/session.ts";
import { encodeFrame } from "../stomp/encoder.ts";
import { presenceTopic, typingTopic } from "./destinations.ts";
import { ReaderPace } from "./reader-pace.ts";
import { isMessage } from "./replay-reader.ts";
import type { UserSessions } from "./user-sessions.ts";

/** Where a user's messages go that are told of in the order of their ids. */
export interface MessageTaker {
  /** `body`: as over STOMP, JSON. */
  message(message: StoredMessage, body: string): void;
  caughtUp(position: string): void;
  /** What has been handed over and not been taken. */
  bufferedBytes(): number;
}

export interface UserEventsOptions {
  readonly broker: Broker;
  readonly chat: Chat;
  readonly sessions: UserSessions;
  /** The user has received a message. */
  readonly departed: (userId: string, message: StoredMessage) => void;
  readonly sendBufferBytes: number;
  readonly log: Log;
}

/** What a client wants to hear of beside what is meant for its user. */
export interface EventTopics {
  readonly presence: boolean;
  /** Conversations. */
  readonly typing: readonly string[];
}

/** What a message is called that comes from a subscription: by the subscription's id. */
export type TopicEvent =
  | "confirmation"
  | "receipt"
  | "error"
  | "profile"
  | "notice"
  | "presence"
  | "typing";

/**
 * The events of users for clients that speak no STOMP: each has a session as any other, which is
 * subscribed here to what its user may hear, and a feed of the user's messages.
 */
export class UserEvents {
  readonly #options: UserEventsOptions;
  readonly #feeds = new WeakMap<Session, UserFeed>();
  /** Those to which the next commit may bring something. */
  readonly #waiting = new Set<UserFeed>();
  #isDue = false;

  constructor(options: UserEventsOptions) {
    this.#options = options;
  }

  /**
   * Subscribes the session, which is connected, to all but messages: what comes has a `TopicEvent`
   * as subscription id. Throws RATE_LIMITED where its user may not; topics are refused by an event.
   */
  subscribe(session: Session, { presence, typing }: EventTopics): void {
    // Errors first: they tell of the other subscriptions.
    for (const [queue, event] of QUEUES) {
      subscribe(session, `/user/queue/${queue}`, event);
      if (session.subscriptions.get(event) !== undefined) continue;
      throw new AppError("RATE_LIMITED", "Too many subscriptions of this user; try again later");
    }
    if (presence) subscribe(session, presenceTopic, "presence");
    typing.forEach((conversationId, index) => {
      subscribe(session, typingTopic(conversationId), `typing-${index}`);
    });
  }

  /** The messages above the position, and then those that come, until the session ends. */
  feed(session: Session, taker: MessageTaker, position: string | null): UserFeed {
    const wait = () => this.#waiting.add(feed);
    const feed: UserFeed = new UserFeed(this.#options, session, { taker, wait }, position);
    this.#feeds.set(session, feed);
    wait();
    session.onClosed(() => {
      this.#waiting.delete(feed);
      feed.close();
    });
    return feed;
  }

  /** What waits for the session's client, and is not with its taker yet. */
  heldBytes(session: Session): number {
    return this.#feeds.get(session)?.heldBytes ?? 0;
  }

  /** The message is on its way to the session's client, in so many bytes at least. */
  leaving(session: Session, message: StoredMessage, bytes: number): void {
    this.#options.sessions.get(session)?.departures.add(message, bytes);
  }

  /** The client says that it has them. Each conversation's in order. */
  received({ principal }: Session, messages: readonly StoredMessage[]): void {
    for (const message of messages) this.#options.departed(principal.userId, message);
  }

  /** A commit is done, and is about to be told. */
  committed(): void {
    if (this.#isDue || this.#waiting.size === 0) return;
    this.#isDue = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isDue = false;
    for (const feed of this.#waiting) {
      feed.flush();
      if (!feed.isWaiting) this.#waiting.delete(feed);
    }
  };
}

const QUEUES: readonly (readonly [queue: string, event: TopicEvent])[] = [
  ["errors", "error"],
  ["confirmations", "confirmation"],
  ["receipts", "receipt"],
  ["profiles", "profile"],
  ["notices", "notice"],
];

function subscribe(session: Session, destination: string, id: string): void {
  session.receive(encodeFrame("1.2", "SUBSCRIBE", ["id", id, "destination", destination]));
}

interface FeedEnds {
  readonly taker: MessageTaker;
  /** `flush` is due after the next commit. */
  readonly wait: () => void;
}

/** One session's feed. */
export class UserFeed implements FeedReader {
  readonly #session: Session;
  readonly #taker: MessageTaker;
  readonly #pace = new ReaderPace();
  readonly #feed: MessageFeed;
  readonly #broker: Broker;
  readonly #subscription: Subscription;
  readonly #highWaterBytes: number;
  readonly #log: Log;
  readonly #has: (message: StoredMessage) => void;

  constructor(
    { broker, chat, departed, sendBufferBytes, log }: UserEventsOptions,
    session: Session,
    { taker, wait }: FeedEnds,
    position: string | null,
  ) {
    this.#session = session;
    this.#taker = taker;
    this.#broker = broker;
    this.#log = log;
    this.#highWaterBytes = sendBufferBytes / 4;
    const { userId } = session.principal;
    this.#has = (message) => departed(userId, message);
    this.#feed = chat.feedTo(userId, this, position);
    const key = userQueue(userId, "messages");
    this.#subscription = broker.subscribe(
      {
        ...{ peer: session.connection, key, pattern: null, destination: key },
        ...{ id: "message", version: "1.2", wire: "text" },
      },
      ({ tag, body }) => {
        if (!isMessage(tag) || typeof body !== "string") return;
        this.#feed.receive(tag, body);
        wait();
      },
    );
    this.#expectDone(this.#feed.start());
  }

  get isOpen(): boolean {
    return this.#session.isConnected;
  }

  /** Reads on: the client has taken something. */
  resume(): void {
    this.#pace.resume();
  }

  get hasRoom(): boolean {
    return this.#taker.bufferedBytes() <= this.#highWaterBytes;
  }

  get isWaiting(): boolean {
    return this.#feed.isWaiting;
  }

  get heldBytes(): number {
    return this.#feed.heldBytes;
  }

  /** See `MessageFeed.bodyNow`. */
  bodyNow(message: StoredMessage): MaybePromise<string | null> {
    return this.#feed.bodyNow(message);
  }

  flush(): void {
    if (this.#feed.isWaiting) this.#expectDone(this.#feed.flush());
  }

  close(): void {
    this.#broker.unsubscribe(this.#subscription);
    this.#pace.resume();
  }

  has(message: StoredMessage): void {
    this.#has(message);
  }

  take(message: StoredMessage, body: string): void {
    this.#pace.handedOver(body.length);
    this.#broker.counter.sent(this.#subscription.request.key, 1);
    this.#taker.message(message, body);
  }

  caughtUp(position: string): void {
    this.#taker.caughtUp(position);
  }

  ready(): Promise<void> | null {
    return this.#pace.pause(!this.hasRoom);
  }

  #expectDone(caughtUp: Promise<void> | undefined): void {
    caughtUp?.catch((err: unknown) => {
      // Messages would be missed unknowingly: the client must come again.
      const { userId } = this.#session.principal;
      this.#log.error({ err, user: userId }, "A feed of messages failed");
      this.#session.fail(new AppError("STORAGE_UNAVAILABLE", "Messages cannot be read now"));
    });
  }
}
