import type { Clock, Timer } from "../clock.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { TokenBuckets } from "../token-buckets.ts";
import { type Blocks, blocked } from "./blocks.ts";
import type { Conversations } from "./conversations.ts";
import { typingEvent } from "./events.ts";
import type { Outlet } from "./outlet.ts";

export interface TypingOptions {
  readonly conversations: Conversations;
  readonly blocks: Blocks;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly expiryMs: number;
  /** What each user may tell. */
  readonly signals: TokenBuckets;
}

/** All that is late is looked at together, and no more often than this. */
const SHORTEST_LATE_MS = 50;

/**
 * Who is typing where. Nothing of it is kept; it ends by itself without a refresh.
 *
 * A user who says more than the rate allows is not refused: what changes nothing is left out, and of
 * changes that come too fast the last one is told when the rate allows it.
 */
export class Typing {
  readonly #options: TypingOptions;
  /** By user and conversation: when it ends. All last equally long, so the first to end is first. */
  readonly #active = new Map<string, ActiveTyping>();
  #timer: Timer | null = null;
  /** By user and conversation: where others have been told less than the truth. */
  readonly #late = new Map<string, Place>();
  #lateTimer: Timer | null = null;

  constructor(options: TypingOptions) {
    this.#options = options;
  }

  /** Throws CONVERSATION_NOT_FOUND when the user is not a member; BLOCKED. */
  set(userId: string, conversationId: string, isTyping: boolean): MaybePromise<void> {
    const { conversations, blocks, clock, expiryMs } = this.#options;
    return whenReady(conversations.findFor(userId, conversationId), (conversation) => {
      const peerId = conversation.peerOf(userId);
      if (peerId !== null && blocks.isBetween(userId, peerId)) throw blocked();
      const key = keyOf(userId, conversationId);
      const wasTyping = this.#active.delete(key);
      if (isTyping) {
        const endsMs = clock.monotonicMs() + expiryMs;
        this.#active.set(key, { userId, conversationId, endsMs });
        this.#timer ??= clock.schedule(expiryMs, this.#expire);
      }
      this.#tellInTime(key, { userId, conversationId }, isTyping !== wasTyping);
    });
  }

  /** The user's last connection is gone. */
  left(userId: string): void {
    for (const [key, typing] of this.#active) {
      if (typing.userId === userId) this.#end(key, typing);
    }
  }

  /** The user is no member any more. */
  leftConversation(userId: string, conversationId: string): void {
    const key = keyOf(userId, conversationId);
    if (this.#active.has(key) || this.#late.has(key)) this.#end(key, { userId, conversationId });
  }

  /** One of the users has blocked the other: neither is typing to the other any more. */
  blocked(userId: string, otherId: string): void {
    const { conversations } = this.#options;
    for (const place of [...this.#active.values(), ...this.#late.values()]) {
      const peerId = conversations.peek(place.conversationId)?.peerOf(place.userId);
      const isOfTheTwo =
        (place.userId === userId && peerId === otherId) ||
        (place.userId === otherId && peerId === userId);
      if (isOfTheTwo) this.leftConversation(place.userId, place.conversationId);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#lateTimer?.cancel();
    this.#lateTimer = null;
    this.#active.clear();
    this.#late.clear();
  }

  readonly #expire = (): void => {
    this.#timer = null;
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [key, typing] of this.#active) {
      if (typing.endsMs > nowMs) {
        this.#timer = clock.schedule(typing.endsMs - nowMs, this.#expire);
        return;
      }
      this.#end(key, typing);
    }
  };

  /** On the server's own word, which no rate holds back. */
  #end(key: string, place: Place): void {
    this.#active.delete(key);
    this.#late.delete(key);
    this.#tell(place, false);
  }

  #tellInTime(key: string, place: Place, isChange: boolean): void {
    const { signals } = this.#options;
    if (signals.take(place.userId)) {
      this.#late.delete(key);
      this.#tell(place, this.#active.has(key));
    } else if (isChange) {
      this.#late.set(key, place);
      this.#scheduleLate();
    }
  }

  #scheduleLate(): void {
    if (this.#lateTimer !== null) return;
    const { clock, signals } = this.#options;
    let waitMs = Number.POSITIVE_INFINITY;
    for (const { userId } of this.#late.values()) {
      waitMs = Math.min(waitMs, signals.waitMs(userId));
      if (waitMs <= SHORTEST_LATE_MS) break;
    }
    this.#lateTimer = clock.schedule(Math.max(SHORTEST_LATE_MS, waitMs), this.#tellLate);
  }

  readonly #tellLate = (): void => {
    this.#lateTimer = null;
    for (const [key, place] of this.#late) {
      if (!this.#options.signals.take(place.userId)) continue;
      this.#late.delete(key);
      this.#tell(place, this.#active.has(key));
    }
    if (this.#late.size > 0) this.#scheduleLate();
  };

  #tell({ userId, conversationId }: Place, isTyping: boolean): void {
    const { outlet, clock } = this.#options;
    outlet.typing(conversationId, typingEvent(conversationId, userId, isTyping, clock.now()));
  }
}

/** Ids hold no space. */
function keyOf(userId: string, conversationId: string): string {
  return `${userId} ${conversationId}`;
}

interface Place {
  readonly userId: string;
  readonly conversationId: string;
}

interface ActiveTyping extends Place {
  readonly endsMs: number;
}
