import type { StoredMessage } from "./stored-chats.ts";

/** The connection from which something came; only its identity matters here. */
export type Origin = object;

/**
 * How chat reaches people. Calls return at once; a user without a connection is simply not reached.
 * Events to one user leave in the order of the calls.
 */
export interface Outlet {
  /** A new message to a member; `except` is left out. */
  message(userId: string, message: StoredMessage, body: string, except: Origin | null): void;
  /** A message of the user's is on disk: what every node tells those connected to it. */
  sent(userId: string, body: string): void;
  confirmation(userId: string, body: string): void;
  /** A message was read; `except` is left out. */
  receipt(userId: string, body: string, except: Origin | null): void;
  typing(conversationId: string, body: string): void;
  /** Somebody's profile is another than before: to each of these users. */
  profile(userIds: Iterable<string>, body: string): void;
  /** To those who may see the user's presence. */
  presence(userId: string, body: string): void;
  /**
   * Watches until the message's bytes have left for one of the user's connections that do not
   * acknowledge, then `Receipts.delivered` is called; never, if the user has none.
   */
  watchDeparture(userId: string, message: StoredMessage): void;
  /** The user has just become a member. */
  joined(userId: string, conversationId: string): void;
  /** The user is no member any more: events of the conversation must stop. */
  left(userId: string, conversationId: string): void;
  /**
   * The user, who had left, is a member after all: what they missed must come to them in another way.
   */
  returned(userId: string, conversationId: string): void;
}
