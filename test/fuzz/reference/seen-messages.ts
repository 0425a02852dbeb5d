import { headerOf, type ReferenceFrame, type Rules } from "./stomp.ts";

export interface KnownSubscription {
  readonly id: string;
  readonly destination: string;
  readonly ackMode: string;
  /** The server may have refused it, or may have ended it. */
  readonly isSure: boolean;
}

/** What a MESSAGE said about how to acknowledge it. */
export interface SeenMessage {
  readonly messageId: string;
  readonly subscription: KnownSubscription;
  readonly ack: string | undefined;
  /** The client gave the name of its subscription once only. */
  readonly isSure: boolean;
}

/** What a client was sent for acknowledgement, as far as it can know. */
export class SeenMessages {
  readonly #messages: SeenMessage[] = [];
  /** Acknowledged, or perhaps so. */
  readonly #doubtful = new Set<SeenMessage>();

  add(message: SeenMessage): void {
    if (message.subscription.ackMode !== "auto") this.#messages.push(message);
  }

  waiting(): readonly SeenMessage[] {
    return this.#messages.filter((message) => this.isWaiting(message));
  }

  isWaiting(message: SeenMessage): boolean {
    return !this.#doubtful.has(message);
  }

  /** What an ACK or NACK names. */
  namedBy(frame: ReferenceFrame, rules: Rules): readonly SeenMessage[] {
    return this.#messages.filter((message) => isNamedBy(frame, message, rules));
  }

  /** In `client` mode everything before it is acknowledged too. */
  acknowledged(message: SeenMessage): void {
    const { subscription, messageId } = message;
    const index = this.#messages.indexOf(message);
    for (const [at, other] of this.#messages.entries()) {
      const isBefore = at < index && other.subscription === subscription;
      const isCovered = isBefore && subscription.ackMode === "client";
      if (isCovered || other.messageId === messageId) this.#doubtful.add(other);
    }
  }
}

function isNamedBy(frame: ReferenceFrame, message: SeenMessage, rules: Rules): boolean {
  if (rules === "1.2") return headerOf(frame, "id") === message.ack;
  if (headerOf(frame, "message-id") !== message.messageId) return false;
  const subscription = headerOf(frame, "subscription");
  return subscription === undefined || subscription === message.subscription.id;
}
