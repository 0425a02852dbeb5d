import type { Clock, Timer } from "../clock.ts";
import { isDeadLetters } from "./dead-letters.ts";
import type { QueueCount, SharedQueueStore } from "./shared-queue-store.ts";
import { EMPTY_DEPTH, type QueueDepth, sumOf } from "./work-queues.ts";

const COUNT_EVERY_MS = 10_000;

/** Counting takes at most this part of the time, however many messages there are. */
const COUNTING_SHARE = 1 / 50;

/**
 * How many messages are in the queues that nodes share, as counted in the database a while ago, and
 * what this node sent since.
 */
export class QueueDepths {
  #counts: ReadonlyMap<string, QueueCount> = new Map();
  #sent = new Map<string, number>();
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(
    readonly store: SharedQueueStore,
    readonly clock: Clock,
  ) {}

  start(): void {
    const begunMs = this.clock.monotonicMs();
    void this.#count().then(() => {
      if (this.#isStopped) return;
      const tookMs = this.clock.monotonicMs() - begunMs;
      const pauseMs = Math.max(COUNT_EVERY_MS, tookMs / COUNTING_SHARE);
      this.#timer = this.clock.schedule(pauseMs, () => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  sent(queue: string, count = 1): void {
    this.#sent.set(queue, (this.#sent.get(queue) ?? 0) + count);
  }

  /** Queues with messages. */
  get queues(): number {
    return this.#counts.size;
  }

  isKnown(queue: string): boolean {
    return this.#counts.has(queue) || this.#sent.has(queue);
  }

  messagesOf(queue: string): number {
    return (this.#counts.get(queue)?.messages ?? 0) + (this.#sent.get(queue) ?? 0);
  }

  depthOf(queue: string): QueueDepth {
    const count = this.#counts.get(queue);
    return count === undefined ? EMPTY_DEPTH : depthOf(count);
  }

  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth } {
    let [living, dead] = [EMPTY_DEPTH, EMPTY_DEPTH];
    for (const count of this.#counts.values()) {
      if (isDeadLetters(count.queue)) dead = sumOf(dead, depthOf(count));
      else living = sumOf(living, depthOf(count));
    }
    return { living, dead };
  }

  async #count(): Promise<void> {
    const sent = this.#sent;
    this.#sent = new Map();
    try {
      const counts = await this.store.counts();
      this.#counts = new Map(counts.map((count) => [count.queue, count]));
    } catch {
      // The old counts stay, and what was sent since.
      for (const [queue, count] of sent) this.sent(queue, count);
    }
  }
}

function depthOf({ messages, claimed }: QueueCount): QueueDepth {
  return { waiting: messages - claimed, unacknowledged: claimed, consumers: 0 };
}
