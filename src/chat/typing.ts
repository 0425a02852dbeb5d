import type { Clock, Timer } from "../clock.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Conversations } from "./conversations.ts";
import { typingEvent } from "./events.ts";
import type { Outlet } from "./outlet.ts";

/** Who is typing where. Nothing of it is kept; it ends by itself without a refresh. */
export class Typing {
  /** By user and conversation: when it ends. All last equally long, so the first to end is first. */
  readonly #active = new Map<string, ActiveTyping>();
  #timer: Timer | null = null;

  constructor(
    readonly conversations: Conversations,
    readonly outlet: Outlet,
    readonly clock: Clock,
    readonly expiryMs: number,
  ) {}

  /** Throws CONVERSATION_NOT_FOUND when the user is not a member. */
  set(userId: string, conversationId: string, isTyping: boolean): MaybePromise<void> {
    return whenReady(this.conversations.findFor(userId, conversationId), () => {
      const key = keyOf(userId, conversationId);
      this.#active.delete(key);
      if (isTyping) {
        const endsMs = this.clock.monotonicMs() + this.expiryMs;
        this.#active.set(key, { userId, conversationId, endsMs });
        this.#timer ??= this.clock.schedule(this.expiryMs, this.#expire);
      }
      this.#tell(userId, conversationId, isTyping);
    });
  }

  /** The user's last connection is gone. */
  left(userId: string): void {
    for (const [key, typing] of this.#active) {
      if (typing.userId !== userId) continue;
      this.#active.delete(key);
      this.#tell(userId, typing.conversationId, false);
    }
  }

  /** The user is no member any more. */
  leftConversation(userId: string, conversationId: string): void {
    if (!this.#active.delete(keyOf(userId, conversationId))) return;
    this.#tell(userId, conversationId, false);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#active.clear();
  }

  readonly #expire = (): void => {
    this.#timer = null;
    const nowMs = this.clock.monotonicMs();
    for (const [key, typing] of this.#active) {
      if (typing.endsMs > nowMs) {
        this.#timer = this.clock.schedule(typing.endsMs - nowMs, this.#expire);
        return;
      }
      this.#active.delete(key);
      this.#tell(typing.userId, typing.conversationId, false);
    }
  };

  #tell(userId: string, conversationId: string, isTyping: boolean): void {
    const body = typingEvent(conversationId, userId, isTyping, this.clock.now());
    this.outlet.typing(conversationId, body);
  }
}

/** Ids hold no space. */
function keyOf(userId: string, conversationId: string): string {
  return `${userId} ${conversationId}`;
}

interface ActiveTyping {
  readonly userId: string;
  readonly conversationId: string;
  readonly endsMs: number;
}
