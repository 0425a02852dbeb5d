import type { Draft } from "./conversation.ts";
import { backOffMs, type Schedule } from "./timers.ts";

/** Past it the answer is taken for lost; to send again is safe. */
const ANSWER_MS = 10_000;

/**
 * Sends drafts, again and again until the server has answered each. One at a time in each
 * conversation: what is tried again is never overtaken by what was written after it.
 */
export class Sender {
  readonly #publish: (draft: Draft) => void;
  readonly #schedule: Schedule;
  readonly #lanes = new Map<string, Lane>();
  #isOnline = false;

  constructor(publish: (draft: Draft) => void, schedule: Schedule) {
    this.#publish = publish;
    this.#schedule = schedule;
  }

  /** What is queued already is not queued twice. */
  add(draft: Draft): void {
    const lane = this.#lanes.get(draft.conversationId) ?? newLane();
    this.#lanes.set(draft.conversationId, lane);
    const { clientMessageId } = draft;
    if (lane.drafts.some((queued) => queued.clientMessageId === clientMessageId)) return;
    lane.drafts.push(draft);
    this.#sendNext(lane);
  }

  /** A new connection: what was sent over the last one without an answer goes again. */
  online(): void {
    this.#isOnline = true;
    for (const lane of this.#lanes.values()) {
      lane.failures = 0;
      this.#release(lane);
    }
  }

  offline(): void {
    this.#isOnline = false;
    for (const lane of this.#lanes.values()) hold(lane);
  }

  /** The server has it, or it is given up: the next one goes. */
  done(clientMessageId: string): void {
    const lane = this.#laneOf(clientMessageId);
    if (lane === undefined) return;
    const isFirst = lane.drafts[0]?.clientMessageId === clientMessageId;
    lane.drafts = lane.drafts.filter((draft) => draft.clientMessageId !== clientMessageId);
    if (!isFirst) return;
    lane.failures = 0;
    this.#release(lane);
  }

  /** The server could not take it now. */
  tryLater(clientMessageId: string): void {
    const lane = this.#laneOf(clientMessageId);
    if (lane?.drafts[0]?.clientMessageId !== clientMessageId) return;
    lane.failures += 1;
    lane.cancel?.();
    lane.cancel = this.#schedule(backOffMs(lane.failures), () => this.#release(lane));
  }

  /** Sent over this connection and not answered. */
  unanswered(): Draft[] {
    return [...this.#lanes.values()].flatMap(({ drafts, cancel }) =>
      cancel === null ? [] : drafts.slice(0, 1),
    );
  }

  find(clientMessageId: string): Draft | null {
    const drafts = this.#laneOf(clientMessageId)?.drafts ?? [];
    return drafts.find((draft) => draft.clientMessageId === clientMessageId) ?? null;
  }

  #laneOf(clientMessageId: string): Lane | undefined {
    return [...this.#lanes.values()].find(({ drafts }) =>
      drafts.some((draft) => draft.clientMessageId === clientMessageId),
    );
  }

  #release(lane: Lane): void {
    hold(lane);
    this.#sendNext(lane);
  }

  #sendNext(lane: Lane): void {
    const first = lane.drafts[0];
    if (!this.#isOnline || lane.cancel !== null || first === undefined) return;
    lane.cancel = this.#schedule(ANSWER_MS, () => this.#release(lane));
    this.#publish(first);
  }
}

/** The drafts of one conversation, the first of them under way while `cancel` is set. */
interface Lane {
  drafts: Draft[];
  failures: number;
  /** Ends the wait for the answer, or for the next attempt. */
  cancel: (() => void) | null;
}

function newLane(): Lane {
  return { drafts: [], failures: 0, cancel: null };
}

function hold(lane: Lane): void {
  lane.cancel?.();
  lane.cancel = null;
}
