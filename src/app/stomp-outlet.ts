import type { Broker } from "../broker/broker.ts";
import { userQueue } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { Peer } from "../broker/subscription.ts";
import type { Origin, Outlet } from "../chat/outlet.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
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
    /** Of `message-id` headers: unique on this server while it runs. */
    readonly newEventId: NewId,
    readonly memberships: Pick<Outlet, "joined" | "left" | "returned">,
    readonly publishPresence: (userId: string, body: string) => void,
  ) {}

  message(userId: string, message: StoredMessage, body: string, except: Origin | null): void {
    const queues = this.sessions.queuesOf(userId);
    if (queues === null) return;
    this.broker.deliver(
      queues.messages,
      new Outgoing(message.id, body, JSON_HEADERS, message),
      peerOf(except),
    );
  }

  sent(userId: string, body: string): void {
    this.confirmation(userId, body);
  }

  confirmation(userId: string, body: string): void {
    const queues = this.sessions.queuesOf(userId);
    if (queues !== null) this.#publish(queues.confirmations, body, null);
  }

  receipt(userId: string, body: string, except: Origin | null): void {
    const queues = this.sessions.queuesOf(userId);
    if (queues !== null) this.#publish(queues.receipts, body, except);
  }

  typing(conversationId: string, body: string): void {
    const key = typingTopic(conversationId);
    if (!this.broker.isHeard(key)) return;
    this.broker.publishExactly(key, new Outgoing(this.newEventId(), body, JSON_HEADERS));
  }

  profile(userIds: Iterable<string>, body: string): void {
    const message = new Outgoing(this.newEventId(), body, JSON_HEADERS);
    for (const userId of userIds) this.broker.deliver(userQueue(userId, "profiles"), message);
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

  #publish(key: string, body: string, except: Origin | null): void {
    this.broker.deliver(key, new Outgoing(this.newEventId(), body, JSON_HEADERS), peerOf(except));
  }
}

function peerOf(origin: Origin | null): Peer | null {
  return origin instanceof Session ? origin.connection : null;
}
