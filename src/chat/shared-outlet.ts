import { encodeBody } from "./node-notice.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { Origin, Outlet } from "./outlet.ts";
import type { StoredMessage } from "./stored-chats.ts";

/**
 * Reaches people on all nodes. Messages are `SharedDelivery`'s; of who joins and leaves each node
 * hears from the conversation.
 */
export class SharedOutlet implements Outlet {
  constructor(
    readonly here: Outlet,
    readonly nodes: OtherNodes,
  ) {}

  message(userId: string, message: StoredMessage, body: string, except: Origin | null): void {
    this.here.message(userId, message, body, except);
  }

  sent(userId: string, body: string): void {
    this.here.sent(userId, body);
  }

  confirmation(userId: string, body: string): void {
    this.here.confirmation(userId, body);
    this.nodes.toUser(userId, encodeBody("confirmation", body));
  }

  receipt(userId: string, body: string, except: Origin | null): void {
    this.here.receipt(userId, body, except);
    this.nodes.toUser(userId, encodeBody("receipt", body));
  }

  typing(conversationId: string, body: string): void {
    this.here.typing(conversationId, body);
  }

  profile(userIds: Iterable<string>, body: string): void {
    this.here.profile(userIds, body);
  }

  presence(userId: string, body: string): void {
    this.here.presence(userId, body);
  }

  watchDeparture(userId: string, message: StoredMessage): void {
    this.here.watchDeparture(userId, message);
  }

  joined(userId: string, conversationId: string): void {
    this.here.joined(userId, conversationId);
  }

  left(userId: string, conversationId: string): void {
    this.here.left(userId, conversationId);
  }

  returned(userId: string, conversationId: string): void {
    this.here.returned(userId, conversationId);
  }
}
