import { type Destination, parseDestination, userQueue } from "../broker/destination.ts";
import { TopicPattern } from "../broker/topic-pattern.ts";
import type { Conversations } from "../chat/conversations.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { SubscriptionPolicy } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import type { Frame } from "../stomp/frame.ts";
import type { AccessRules } from "./access-rules.ts";
import {
  assertKnownRoute,
  assertSendable,
  conversationOfTyping,
  isReservedTopic,
  presenceTopic,
} from "./destinations.ts";
import type { DormantSubscriptions } from "./dormant-subscriptions.ts";
import type { PatternLimit } from "./pattern-limit.ts";
import type { PresenceAudience } from "./presence-audience.ts";
import { idSchema } from "./schemas.ts";

export interface PermissionsOptions {
  readonly access: AccessRules;
  readonly conversations: Conversations;
  readonly audience: PresenceAudience;
  readonly dormant: DormantSubscriptions;
  readonly patterns: PatternLimit;
}

/** Who may send and subscribe where: by the contract, by membership, and by the access rules. */
export class Permissions {
  readonly #options: PermissionsOptions;

  constructor(options: PermissionsOptions) {
    this.#options = options;
  }

  /** Throws FORBIDDEN_DESTINATION, UNKNOWN_DESTINATION. What `/app/**` is about is checked there. */
  assertSend(session: Session, destination: Destination): void {
    switch (destination.kind) {
      case "app":
        assertKnownRoute(destination.name);
        return;
      case "topic":
        assertSendable(destination.name);
        this.#options.access.assertPermitted(session, "send", destination);
        return;
      case "queue":
        this.#options.access.assertPermitted(session, "send", destination);
        return;
      case "user":
        throw new AppError("FORBIDDEN_DESTINATION", "Only the server sends to user queues");
    }
  }

  /**
   * How the session may listen there. Throws FORBIDDEN_DESTINATION, UNKNOWN_DESTINATION and, for the
   * typing of a conversation of which the user is no member, CONVERSATION_NOT_FOUND; with wildcards,
   * TOO_MANY_SUBSCRIPTIONS.
   */
  admit(
    session: Session,
    destination: Destination,
    frame: Frame,
  ): MaybePromise<SubscriptionPolicy> {
    switch (destination.kind) {
      case "app":
        throw new AppError("FORBIDDEN_DESTINATION", "Nobody subscribes to /app destinations");
      case "user": {
        const { userId } = session.principal;
        if (destination.userId !== null && destination.userId !== userId) {
          throw new AppError("FORBIDDEN_DESTINATION", "The queue is another user's");
        }
        const key = userQueue(userId, destination.queue);
        const catchUp = destination.queue === "messages";
        const own = { key, pattern: null, oncePerConnection: false, catchUp };
        return { kind: "broadcast", ...own, holds: always };
      }
      case "queue":
        this.#options.access.assertPermitted(session, "subscribe", destination);
        return { kind: "work-queue" };
      case "topic":
        if (!isReservedTopic(destination.name)) {
          this.#options.access.assertPermitted(session, "subscribe", destination);
        }
        return this.#admitToTopic(session, destination.name, frame);
    }
  }

  /** Ends subscriptions that the session's user, whose roles may have changed, may have no more. */
  endForbidden(session: Session): void {
    session.subscriptions.removeWhere((name) => {
      const destination = parseDestination(name);
      if (destination.kind !== "topic" && destination.kind !== "queue") return false;
      if (isReservedTopic(name)) return false;
      return !this.#options.access.permits(session, "subscribe", destination);
    });
  }

  #admitToTopic(session: Session, topic: string, frame: Frame): MaybePromise<SubscriptionPolicy> {
    const conversationId = conversationOfTyping(topic);
    if (conversationId === null) {
      // Patterns are for what clients publish: the server's own events never pass them.
      const pattern = TopicPattern.parse(topic);
      const { userId } = session.principal;
      if (pattern !== null) this.#options.patterns.assertRoom(userId, topic);
      const isPresence = topic === presenceTopic;
      const key = isPresence ? this.#options.audience.keyFor(userId) : topic;
      const plain = { key, pattern, oncePerConnection: false, catchUp: false };
      return { kind: "broadcast", ...plain, holds: always };
    }
    if (!idSchema.safeParse(conversationId).success) {
      throw new AppError("UNKNOWN_DESTINATION", `There is no destination ${topic}`);
    }
    const { conversations } = this.#options;
    const { userId } = session.principal;
    return whenReady(conversations.findAs(userId, conversationId), (conversation) => {
      if (conversation?.members.has(userId) !== true) {
        this.#options.dormant.add(session, conversationId, frame);
        const text = `No conversation ${conversationId} of which you are a member; the subscription begins when you are one`;
        throw new AppError("CONVERSATION_NOT_FOUND", text, { details: { isProvisional: true } });
      }
      return {
        kind: "broadcast",
        key: topic,
        pattern: null,
        oncePerConnection: true,
        catchUp: false,
        holds: () => conversation.members.has(userId),
      };
    });
  }
}

const always = () => true;
