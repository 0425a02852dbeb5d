import { Outgoing } from "../broker/outgoing.ts";
import type { Deliver } from "../broker/topic-relay.ts";
import { typingEvent } from "../chat/events.ts";
import type { Clock, Timer } from "../clock.ts";
import type { NewId } from "../ids.ts";
import { conversationOfTyping, typingTopic } from "./destinations.ts";
import { JSON_HEADERS } from "./stomp-outlet.ts";

/** So much later than on the user's own node, whose word may be on its way. */
const GRACE_MS = 1_000;

export interface TypingElsewhereOptions {
  readonly clock: Clock;
  readonly expiryMs: number;
  /** Of `message-id` headers. */
  readonly newId: NewId;
  /** To the subscriptions of this node. */
  readonly deliver: Deliver;
}

interface HeardTyping {
  readonly userId: string;
  readonly conversationId: string;
  /** By the monotonic clock. */
  readonly endsMs: number;
}

/**
 * Who is typing on other nodes, as subscribers here were told. A node that is killed, or cut off, does
 * not say that its users have stopped: it ends here by itself, as it does there.
 */
export class TypingElsewhere {
  readonly #options: TypingElsewhereOptions;
  /** By topic and user. All last equally long, so the first to end is first. */
  readonly #active = new Map<string, HeardTyping>();
  #timer: Timer | null = null;

  constructor(options: TypingElsewhereOptions) {
    this.#options = options;
  }

  /** Another node tells of it: delivers it, and looks whether it is of typing. */
  readonly heard: Deliver = (topic, message) => {
    const { clock, expiryMs, deliver } = this.#options;
    deliver(topic, message);
    const conversationId = conversationOfTyping(topic);
    const said = conversationId === null ? null : saidOf(message);
    if (conversationId === null || said === null) return;
    const { userId, isTyping } = said;
    const key = `${userId} ${conversationId}`; // Ids hold no space.
    this.#active.delete(key);
    if (!isTyping) return;
    const lastsMs = expiryMs + GRACE_MS;
    this.#active.set(key, { userId, conversationId, endsMs: clock.monotonicMs() + lastsMs });
    this.#timer ??= clock.schedule(lastsMs, this.#expire);
  };

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#active.clear();
  }

  readonly #expire = (): void => {
    this.#timer = null;
    const { clock, newId, deliver } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [key, { userId, conversationId, endsMs }] of this.#active) {
      if (endsMs > nowMs) {
        this.#timer = clock.schedule(endsMs - nowMs, this.#expire);
        return;
      }
      this.#active.delete(key);
      const body = typingEvent(conversationId, userId, false, clock.now());
      deliver(typingTopic(conversationId), new Outgoing(newId(), body, JSON_HEADERS));
    }
  };
}

/** null for what is of no node of this version. */
function saidOf({ body }: Outgoing): { userId: string; isTyping: boolean } | null {
  try {
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    const { userId, isTyping } = JSON.parse(text);
    return typeof userId === "string" && typeof isTyping === "boolean"
      ? { userId, isTyping }
      : null;
  } catch {
    return null;
  }
}
