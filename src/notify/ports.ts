import type { MaybePromise } from "../maybe-promise.ts";
import type { NoticePreferences } from "./preferences.ts";
import type { NoticeChannel, NoticeMessage, NoticeTarget } from "./provider.ts";
import type { WebhookEvent } from "./webhook-ports.ts";

/** Where users are reached, and what they wish. Writes resolve when they are durable. */
export interface NoticeTargetStore {
  /**
   * One with its channel and address becomes this one, whosever it was: a browser or a phone that
   * another user signs in on is theirs, and the former user is told of nothing there any more.
   */
  putTarget(target: NoticeTarget): Promise<void>;
  /** Together with what was to be sent to it; of another user's target, and of none, a no-op. */
  removeTarget(userId: string, id: string): Promise<void>;
  /** The one made first first. */
  targetsOf(userId: string): MaybePromise<NoticeTarget[]>;
  putPreferences(userId: string, preferences: NoticePreferences): Promise<void>;
  /** null: they have said nothing. */
  preferencesOf(userId: string): MaybePromise<NoticePreferences | null>;
}

/** How what is in the outbox becomes what is sent. */
export interface Expansion {
  /** Entries of the outbox that are taken, at most. */
  readonly limit: number;
  readonly nowMs: number;
  /**
   * By channel that the server has: from a message to its notice, and from one notice of a
   * conversation to the next one to the same target, at least; both from now at most, whatever the
   * clocks said by which the message was sent and the notice before it.
   */
  readonly channels: readonly ChannelPace[];
  /** Each message, and each event of a conversation, becomes an event for webhooks too. */
  readonly webhooks: boolean;
}

export interface ChannelPace {
  readonly channel: NoticeChannel;
  readonly delayMs: number;
  readonly intervalMs: number;
}

/** What is to be sent: of one conversation to one target, one. */
export interface DueNotice {
  readonly target: NoticeTarget;
  readonly conversationId: string;
  /** Of the newest message that it is about; with the target, it says which notice it is. */
  readonly lastSeq: number;
  readonly dueMs: number;
  /** Sends that have failed. */
  readonly attempts: number;
  /** When its oldest message that was told of to nobody yet became a notice, or was replayed. */
  readonly createdMs: number;
  /** Of the user, as of now. */
  readonly preferences: NoticePreferences | null;
  /** As of now; null: the user is no member any more. */
  readonly member: {
    readonly deliveredSeq: number;
    readonly readSeq: number;
    readonly mutedUntilMs: number | null;
  } | null;
  /** null: nothing is unread, or what is says nothing any more. */
  readonly unread: UnreadMessages | null;
}

/**
 * Unread messages of others up to `lastSeq`, as of now; without events, and what is deleted or has
 * disappeared.
 */
export interface UnreadMessages {
  readonly kind: "direct" | "group";
  readonly title: string | null;
  readonly count: number;
  /** Those of them that name the user. */
  readonly mentions: number;
  readonly newest: NoticeMessage;
  /** The newest one that names the user; null: none. */
  readonly newestMention: NoticeMessage | null;
}

export interface NoticeKey {
  readonly targetId: string;
  readonly conversationId: string;
  readonly lastSeq: number;
}

/**
 * What has become of a notice. Where messages have extended it since it was due, all but `later` are
 * of what it was before, and what came with them stays to be sent.
 */
export type NoticeOutcome = NoticeKey &
  (
    | { readonly kind: "sent"; readonly sentMs: number; readonly nextMs: number }
    /** There is nothing to tell, or nobody who wishes to be told. */
    | { readonly kind: "dropped" }
    /** It is looked at again then. */
    | { readonly kind: "later"; readonly dueMs: number; readonly attempts: number }
    | {
        readonly kind: "dead";
        readonly letterId: string;
        readonly attempts: number;
        readonly reason: string;
        readonly diedMs: number;
        /** Waits for the app's back end from the same transaction on; null: it is not told. */
        readonly event: WebhookEvent | null;
      }
  );

/** What could not be sent, and is not tried any more until somebody says so. */
export interface DeadLetter {
  /** UUIDv7. */
  readonly id: string;
  readonly channel: NoticeChannel | "webhook";
  /** Of a notice; of an event for webhooks null. */
  readonly userId: string | null;
  readonly targetId: string | null;
  readonly conversationId: string | null;
  /** Of a notice, `lastSeq`. */
  readonly seq: number | null;
  /** Of an event for webhooks: which it is. */
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly attempts: number;
  readonly reason: string;
  readonly diedMs: number;
}

/**
 * Where what is to be sent waits. All of it is led: one node alone does it. Its writes survive every
 * end of the process; a power cut may undo the last ones, which are then done again, so that what was
 * sent is sent a second time with the same key.
 */
export interface NoticeStore {
  /**
   * Takes the oldest entries of the outbox out of it and, in the same transaction, makes or extends
   * the notices of their messages: for each target, of one of the channels, of each member who has not
   * read the message, was there when it came, has not muted the conversation and does not block its
   * sender. Of events none. One that waits keeps its time, unless all that it was about has been seen:
   * then it waits for the new message as if there had been none, and no shorter than before. True: there
   * is more.
   */
  expand(expansion: Expansion): Promise<boolean>;
  /** What is due to targets other than these, the first due first. */
  due(
    channel: NoticeChannel,
    nowMs: number,
    limit: number,
    busyTargets?: readonly string[],
  ): MaybePromise<DueNotice[]>;
  /** When the first one of the channels is; null: there is none. */
  nextDueMs(channels: readonly NoticeChannel[]): MaybePromise<number | null>;
  /**
   * In one transaction. A notice that is not there, or is another one by now, is left out. Where one is
   * to be looked at later by several, the last of them holds.
   */
  settle(outcomes: readonly NoticeOutcome[]): Promise<void>;
  /** What waits, without what has been sent: for metrics, up to `MOST_WAITING_NOTICES`. */
  waiting(): MaybePromise<number>;
  /** Forgets what was sent so long ago that no interval depends on it. */
  forgetSent(beforeMs: number): Promise<void>;
  /** Forgets what waits to be sent by these channels. Where it rejects, some may be forgotten. */
  forgetWaiting(channels: readonly NoticeChannel[]): Promise<void>;

  /** Ascending by id, behind that one; null begins with the first. */
  deadLetters(after: string | null, limit: number): MaybePromise<DeadLetter[]>;
  /**
   * They are due now, as if they had just been made, in place of the letters; those of targets that
   * are gone are only forgotten. Resolves with how many are due.
   */
  replay(letterIds: readonly string[], nowMs: number): Promise<number>;
  forgetLetters(letterIds: readonly string[]): Promise<void>;
}

/** More are not counted. */
export const MOST_WAITING_NOTICES = 10_000;
