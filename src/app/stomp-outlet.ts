import type { Broker } from "../broker/broker.ts";
import { userQueue } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { Peer } from "../broker/subscription.ts";
import type { Origin, Outlet } from "../chat/outlet.ts";
import type { StoredMessage } from "../chat/ports.ts";
import type { NewId } from "../ids.ts";
import { Session } from "../session/session.ts";
import { typingTopic } from "./destinations.ts";
import { awaitDeparture, type UserSessions } from "./user-sessions.ts";

export const JSON_HEADERS: readonly string[] = ["content-type", "application/json"];

/** Chat's events as STOMP messages. */
export class StompOutlet implements Outlet {
  constructor(
    readonly broker: Broker,
    readonly sessions: UserSessions,
    readonly newId: NewId,
    readonly memberships: Pick<Outlet, "joined" | "left" | "returned">,
    readonly publishPresence: (userId: string, body: string) => void,
  ) {}

  message(userId: string, message: StoredMessage, body: string, except: Origin | null): void {
    const key = userQueue(userId, "messages");
    if (!this.broker.hasListeners(key)) return;
    this.broker.deliver(key, new Outgoing(message.id, body, JSON_HEADERS, message), peerOf(except));
  }

  confirmation(userId: string, body: string): void {
    this.#publish(userQueue(userId, "confirmations"), body);
  }

  receipt(userId: string, body: string, except: Origin | null): void {
    this.#publish(userQueue(userId, "receipts"), body, except);
  }

  typing(conversationId: string, body: string): void {
    this.#publish(typingTopic(conversationId), body);
  }

  presence(userId: string, body: string): void {
    this.publishPresence(userId, body);
  }

  watchDeparture(userId: string, message: StoredMessage): void {
    for (const appSession of this.sessions.of(userId)) {
      for (const subscription of appSession.autoSubscriptions) {
        if (!subscription.isLive) continue;
        awaitDeparture(appSession, message);
        break;
      }
    }
  }

  joined(userId: string, conversationId: string): void {
    this.memberships.joined(userId, conversationId);
  }

  left(userId: string, conversationId: string): void {
    this.memberships.left(userId, conversationId);
  }

  returned(userId: string, conversationId: string): void {
    this.memberships.returned(userId, conversationId);
  }

  #publish(key: string, body: string, except: Origin | null = null): void {
    if (!this.broker.hasListeners(key)) return;
    this.broker.deliver(key, new Outgoing(this.newId(), body, JSON_HEADERS), peerOf(except));
  }
}

function peerOf(origin: Origin | null): Peer | null {
  return origin instanceof Session ? origin.connection : null;
}
