import type { ConversationKind } from "../chat/stored-chats.ts";

/** By which way a user is reached. */
export type NoticeChannel = "webpush" | "fcm" | "apns" | "email";

export const NOTICE_CHANNELS: readonly NoticeChannel[] = ["webpush", "fcm", "apns", "email"];

/** Where one user is reached: a browser's push subscription, a phone's token, an e-mail address. */
export interface NoticeTarget {
  /** UUIDv7. */
  readonly id: string;
  readonly userId: string;
  readonly channel: NoticeChannel;
  /**
   * What the channel reaches it by, of which there is one in each channel: the URL of a push end
   * point, the token of a device, an e-mail address.
   */
  readonly address: string;
  /** What it takes beside the address, as JSON: of a push subscription `{p256dh, auth}`; null: nothing. */
  readonly keys: string | null;
  /** Epoch milliseconds. */
  readonly createdMs: number;
}

/** The newest of the messages that a notice is about. */
export interface NoticeMessage {
  readonly id: string;
  readonly seq: number;
  readonly senderId: string;
  readonly senderName: string;
  /** `TEXT`, or whatever the client's application uses. */
  readonly type: string;
  readonly content: string;
  readonly timestampMs: number;
  /** It names the user. */
  readonly mentionsUser: boolean;
}

/** What a user is told of one conversation: all that is unread of it is one notice. */
export interface Notice {
  /**
   * Says the same as another notice with this key, however often it is sent: receivers that keep keys
   * show it once. 32 hexadecimal digits.
   */
  readonly key: string;
  readonly userId: string;
  readonly conversationId: string;
  readonly kind: ConversationKind;
  /** Of a group; null where it has none. */
  readonly title: string | null;
  /** Unread messages in the conversation, up to `MOST_COUNTED`. */
  readonly count: number;
  readonly newest: NoticeMessage;
  /** The user wishes what messages say, and who sent them, to be left out of it. */
  readonly isPrivate: boolean;
  /** By whose clock the user lives, of IANA's database; null: they have not said. */
  readonly timeZone: string | null;
}

/** More are not counted. */
export const MOST_COUNTED = 100;

/** What one send to one target tells: one notice, or several where the provider gathers. */
export interface Delivery {
  readonly target: NoticeTarget;
  /** At least one; of different conversations, the oldest first. */
  readonly notices: readonly Notice[];
}

export type SendOutcome =
  | { readonly kind: "sent" }
  /** There is no such target any more, and it is to be forgotten. */
  | { readonly kind: "gone"; readonly reason: string }
  /**
   * It may succeed later; not before `afterMs` from now, if the provider says so. Where the provider is
   * to blame, since it is not reached, does not answer or does not work, others would fail as well.
   */
  | {
      readonly kind: "retry";
      readonly blames: "provider" | "target";
      readonly reason: string;
      readonly afterMs: number | null;
    }
  /** It will never succeed: a dead letter. */
  | { readonly kind: "refused"; readonly reason: string };

/** A way to reach users, and the server behind it. Reasons are for operators: no content, no secrets. */
export interface NoticeProvider {
  readonly channel: NoticeChannel;
  /** The host, as operators know it, that all is sent to; null: each target's address, a URL, has its own. */
  readonly server: string | null;
  /** Sends at a time. */
  readonly concurrency: number;
  /** All that is due for a target goes in one send. */
  readonly gathers: boolean;
  /**
   * Sends once; repetitions are the caller's. A rejection counts as a `retry`. Gives up, and frees
   * what it holds, when the signal aborts.
   */
  send(delivery: Delivery, signal: AbortSignal): Promise<SendOutcome>;
  /** Closes connections. Sends have ended, or are aborted. */
  stop(): Promise<void>;
}
