/**
 * What clients did and saw, in the order in which they did: the only evidence that the checker has
 * beside the server's final history. Nothing here knows a socket.
 */

/** How far a device has come in a conversation, and by which message. */
export interface Cursor {
  readonly seq: number;
  /** Unknown where the device was told the `seq` alone. */
  readonly id: string | null;
}

/** A message as a client or the history shows it; its content by digest. */
export interface SeenMessage {
  readonly conversationId: string;
  readonly id: string;
  readonly seq: number;
  readonly senderId: string;
  readonly clientMessageId: string;
  readonly digest: string;
}

/** What SYNCED says of one conversation. */
export interface SyncedConversation {
  readonly seq: number;
  readonly resync: boolean;
}

/** A connection is known by its number, unique in a record. */
export type Observation =
  /** The server lives anew: what it had not committed is gone. */
  | { readonly kind: "restarted" }
  /** CONNECTED came; the device resumes from `cursors`, or leaves that to the server (null). */
  | {
      readonly kind: "opened";
      readonly connection: number;
      readonly deviceId: string;
      readonly userId: string;
      /** The server, in its present life; null: a balancer is in between, which does not tell. */
      readonly node: string | null;
      readonly cursors: ReadonlyMap<string, Cursor> | null;
    }
  | { readonly kind: "closed"; readonly connection: number }
  | {
      readonly kind: "sent";
      readonly connection: number;
      readonly conversationId: string;
      readonly clientMessageId: string;
      readonly digest: string;
    }
  /** The server's SENT. */
  | {
      readonly kind: "confirmed";
      readonly connection: number;
      readonly conversationId: string;
      readonly clientMessageId: string;
      readonly id: string;
      readonly seq: number;
    }
  | {
      readonly kind: "refused";
      readonly connection: number;
      readonly clientMessageId: string;
      readonly code: string;
    }
  | {
      readonly kind: "delivered";
      readonly connection: number;
      readonly conversationId: string;
      readonly id: string;
      readonly seq: number;
    }
  | {
      readonly kind: "received";
      readonly connection: number;
      readonly message: SeenMessage;
      readonly replay: boolean;
    }
  /** An ACK left for a message that came on the connection. */
  | {
      readonly kind: "acknowledged";
      readonly connection: number;
      readonly conversationId: string;
      readonly id: string;
      readonly seq: number;
    }
  | {
      readonly kind: "synced";
      readonly connection: number;
      readonly conversations: ReadonlyMap<string, SyncedConversation>;
    }
  /** The device was told to resync and has read the conversation over HTTP. */
  | {
      readonly kind: "read";
      readonly connection: number;
      readonly conversationId: string;
      readonly ids: readonly string[];
    }
  /** The end: the device is connected and says that it has caught up. */
  | { readonly kind: "settled"; readonly deviceId: string };

export interface Conversation {
  readonly id: string;
  readonly memberIds: readonly string[];
}

export interface Device {
  readonly id: string;
  readonly userId: string;
  /** With `auto` the server may take for delivered what a lost connection had still to carry. */
  readonly ack: "auto" | "client";
}

export interface ClientRecord {
  readonly conversations: readonly Conversation[];
  readonly devices: readonly Device[];
  /**
   * `sync`: a device resumes from its own map, so every device of a user must get everything.
   * `subscription`: from what the user has received, so it is enough that one of them got it.
   */
  readonly resume: "sync" | "subscription";
  readonly observations: readonly Observation[];
}

/** The server's final history by conversation, as it gave it. */
export type History = ReadonlyMap<string, readonly SeenMessage[]>;

/** One message of one sender, whatever ids the server gives to its repeats. */
export function keyOf(senderId: string, clientMessageId: string): string {
  return `${senderId} ${clientMessageId}`;
}
