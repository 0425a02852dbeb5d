import type { DeadLetter } from "../notify/ports.ts";
import {
  type AddedAgain,
  type DueWebhookEvent,
  MOST_WAITING_EVENTS,
  type WebhookEvent,
  type WebhookOutcome,
  type WebhookStore,
} from "../notify/webhook-ports.ts";
import type { MemoryChatStore } from "./memory-chat-store.ts";
import { compare } from "./memory-conversation.ts";
import { unavailable } from "./sqlite-errors.ts";
import { addMessagesAgain, startOf } from "./webhook-events.ts";

interface Waiting {
  readonly event: WebhookEvent;
  readonly position: number;
  attempts: number;
  /** Of the first of its lane. */
  dueMs: number;
}

/** What is kept of an event that could not be told. */
export interface DeadEvent {
  readonly letter: DeadLetter;
  readonly event: WebhookEvent;
}

export class MemoryWebhookStore implements WebhookStore {
  /** By letter, the one that died first first. */
  readonly deadEvents = new Map<string, DeadEvent>();
  readonly #chat: MemoryChatStore;
  /** The first first; a lane without any is not there. */
  readonly #lanes = new Map<string, Waiting[]>();
  #added = 0;
  #isClosed = false;

  constructor(chat: MemoryChatStore) {
    this.#chat = chat;
  }

  async add(events: readonly WebhookEvent[]): Promise<void> {
    this.#expectOpen();
    for (const event of events) this.put(event, event.createdMs);
  }

  /** @param dueMs if it is the first of its lane */
  put(event: WebhookEvent, dueMs: number): void {
    this.#added += 1;
    const waiting = { event: { ...event }, position: this.#added, attempts: 0, dueMs };
    const lane = this.#lanes.get(event.lane);
    if (lane === undefined) this.#lanes.set(event.lane, [waiting]);
    else lane.push(waiting);
  }

  due(nowMs: number, busyLanes: readonly string[], limit: number): DueWebhookEvent[] {
    this.#expectOpen();
    return this.#heads(busyLanes)
      .filter(({ dueMs }) => dueMs <= nowMs)
      .slice(0, Math.max(limit, 0))
      .map(({ event, position, attempts }) => ({
        ...{ ...event, position, attempts },
        message: event.data === null ? this.#chat.messageById(event.id) : null,
      }));
  }

  nextDueMs(busyLanes: readonly string[]): number | null {
    this.#expectOpen();
    return this.#heads(busyLanes)[0]?.dueMs ?? null;
  }

  async settle(outcomes: readonly WebhookOutcome[]): Promise<void> {
    this.#expectOpen();
    for (const outcome of outcomes) this.#settle(outcome);
  }

  waiting(): number {
    this.#expectOpen();
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.length;
    return Math.min(count, MOST_WAITING_EVENTS);
  }

  async addAgain(fromMs: number, after: string | null, limit: number): Promise<AddedAgain> {
    this.#expectOpen();
    const start = startOf(fromMs, after);
    const page = this.#chat
      .newestMessages()
      .filter(({ id }) => id > start)
      .sort((a, b) => compare(a.id, b.id))
      .slice(0, limit);
    return await addMessagesAgain(fromMs, limit, page, (events) => this.add(events));
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The one due first first, then the one added first. */
  #heads(busyLanes: readonly string[]): Waiting[] {
    return [...this.#lanes]
      .flatMap(([lane, [head]]) => (head === undefined || busyLanes.includes(lane) ? [] : [head]))
      .sort((a, b) => a.dueMs - b.dueMs || a.position - b.position);
  }

  #settle(outcome: WebhookOutcome): void {
    for (const [name, lane] of this.#lanes) {
      const [head, next] = lane;
      if (head?.position !== outcome.position) continue;
      if (outcome.kind === "later") {
        head.dueMs = outcome.dueMs;
        head.attempts = outcome.attempts;
        return;
      }
      if (outcome.kind === "dead") this.#bury(head.event, outcome);
      lane.shift();
      if (next === undefined) this.#lanes.delete(name);
      else next.dueMs = next.event.createdMs;
      return;
    }
  }

  #bury(event: WebhookEvent, outcome: WebhookOutcome & { readonly kind: "dead" }): void {
    const { letterId: id, attempts, reason, diedMs } = outcome;
    const conversationId = event.data === null ? event.lane : null;
    const letter: DeadLetter = {
      ...{ id, channel: "webhook", userId: null, targetId: null, conversationId, seq: null },
      ...{ eventId: event.id, eventType: event.type, attempts, reason, diedMs },
    };
    this.deadEvents.set(id, { letter, event });
  }

  #expectOpen(): void {
    if (this.#isClosed) throw unavailable("the store is closed");
  }
}
