import type { Clock, Timer } from "../clock.ts";
import { toAppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import { type BackOff, backOffMs } from "./back-off.ts";
import { CircuitBreaker, type Outage } from "./circuit-breaker.ts";
import { Settling } from "./settling.ts";
import type { WebhookAnswer, WebhookEndpoint } from "./webhook-endpoint.ts";
import type { DueWebhookEvent, WebhookOutcome, WebhookStore } from "./webhook-ports.ts";

export interface WebhookWorkerOptions {
  readonly store: Pick<WebhookStore, "due" | "nextDueMs" | "settle">;
  readonly endpoint: Pick<WebhookEndpoint, "tell">;
  /** Calls at a time, each of another lane. */
  readonly concurrency: number;
  /** So many have failed: the event is a dead letter. 0: as many as it takes. */
  readonly attempts: number;
  /** So long after it happened, an event whose calls have failed is a dead letter. */
  readonly maxAgeMs: number;
  /** Of dead letters. */
  readonly newId: NewId;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** An event was told, or could not be. */
  readonly onOutcome: (kind: WebhookOutcome["kind"]) => void;
}

/** Of one event; what follows it in its lane waits as long. */
const BACK_OFF: BackOff = { firstMs: 1_000, mostMs: 5 * 60 * 1_000 };
/** An event that is old when it is first told, such as one that is told anew, has so many attempts. */
const FEWEST_ATTEMPTS = 10;
/** What others have added is found so soon. */
const LOOK_MS = 1_000;
const STORE_RETRY_MS = 1_000;
/** Calls that are under way at a stop have so long. */
const STOP_MS = 2_000;

/**
 * Tells the app's back end what has happened: at least once, in the order of each lane, several lanes at
 * a time. It may be stopped, and started again.
 */
export class WebhookWorker {
  readonly #options: WebhookWorkerOptions;
  readonly #breaker: CircuitBreaker;
  readonly #settling: Settling<WebhookOutcome>;
  /** Lanes of which an event is told, or what became of it is not kept yet. */
  readonly #busy = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #calls = 0;
  /** Of the calls under way; null: it is stopped. */
  #running: AbortController | null = null;
  #stopped: Promise<void> = Promise.resolve();
  #isWoken = false;
  #looking: Promise<void> | null = null;
  #lookTimer: Timer | null = null;

  constructor(options: WebhookWorkerOptions) {
    this.#options = options;
    this.#breaker = new CircuitBreaker(options);
    this.#settling = new Settling(options.store, options.clock, (fault) => this.#report(fault));
  }

  /** That the endpoint fails: it is left alone, but for single calls; null: it does not, or is not called. */
  get outage(): Outage | null {
    return this.#running === null ? null : this.#breaker.outage;
  }

  start(): void {
    this.#running ??= new AbortController();
    this.#settling.start();
    this.wake();
  }

  /** Something may be due. */
  wake(): void {
    if (this.#running === null) return;
    this.#isWoken = true;
    this.#looking ??= this.#look();
  }

  /** Resolves when nothing is under way; a call that takes longer is ended, and made again later. */
  stop(): Promise<void> {
    const running = this.#running;
    if (running !== null) {
      this.#running = null;
      this.#stopped = this.#finish(running);
    }
    return this.#stopped;
  }

  async #finish(running: AbortController): Promise<void> {
    this.#lookTimer?.cancel();
    const timer = this.#options.clock.schedule(STOP_MS, () => running.abort());
    this.#settling.stop();
    await this.#looking;
    await Promise.all(this.#underWay);
    timer.cancel();
  }

  async #look(): Promise<void> {
    this.#lookTimer?.cancel();
    let waitMs = STORE_RETRY_MS;
    try {
      do {
        this.#isWoken = false;
        waitMs = await this.#takeDue();
      } while (this.#isWoken && this.#running !== null);
    } catch (fault) {
      this.#report(fault);
    }
    this.#looking = null;
    if (this.#running === null) return;
    this.#lookTimer = this.#options.clock.schedule(waitMs, () => this.wake());
  }

  /** Resolves with how long to wait; what ends meanwhile wakes. */
  async #takeDue(): Promise<number> {
    const { store, concurrency, clock } = this.#options;
    // While the store fails, no more is told than can be kept in mind.
    const room = Math.min(this.#breaker.room - this.#calls, 2 * concurrency - this.#busy.size);
    if (room <= 0) return within(this.#breaker.pauseMs || LOOK_MS);
    const events = await store.due(clock.now(), [...this.#busy], room);
    const running = this.#running;
    if (running === null) return LOOK_MS;
    for (const event of events) this.#begin(event, running.signal);
    if (events.length >= room) return LOOK_MS;
    const nextMs = await store.nextDueMs([...this.#busy]);
    return nextMs === null ? LOOK_MS : within(nextMs - clock.now());
  }

  #begin(event: DueWebhookEvent, signal: AbortSignal): void {
    this.#busy.add(event.lane);
    const told = this.#tell(event, signal).then(() => {
      this.#underWay.delete(told);
      this.#busy.delete(event.lane);
      this.wake();
    });
    this.#underWay.add(told);
  }

  /** Resolves when it is kept what became of it. */
  async #tell(event: DueWebhookEvent, signal: AbortSignal): Promise<void> {
    const { endpoint, onOutcome } = this.#options;
    this.#calls += 1;
    const answer = await endpoint.tell(event, signal);
    this.#calls -= 1;
    const outcome = this.#outcomeOf(event, answer);
    if (outcome === null) return;
    onOutcome(outcome.kind);
    this.wake(); // There is room for a call, though not of this lane.
    await this.#settling.add([outcome]);
  }

  /** null: as if it had not been told. */
  #outcomeOf(event: DueWebhookEvent, answer: WebhookAnswer): WebhookOutcome | null {
    const { attempts: mostAttempts, maxAgeMs, clock, random, newId, log } = this.#options;
    const { position, id, type, createdMs } = event;
    if (answer.kind === "aborted") return null;
    if (answer.kind === "taken") {
      if (this.#breaker.succeeded()) log.info({}, "The back end takes events again");
      return { position, kind: "sent" };
    }
    const { reason, afterMs } = answer;
    if (answer.kind === "failing") this.#failed(reason, afterMs);
    const attempts = event.attempts + 1;
    const nowMs = clock.now();
    const isOld = nowMs - createdMs >= maxAgeMs && attempts >= FEWEST_ATTEMPTS;
    if (isOld || (mostAttempts > 0 && attempts >= mostAttempts)) {
      log.error({ event: id, type, attempts, reason }, "An event for the back end is given up");
      return { position, kind: "dead", letterId: newId(), attempts, reason, diedMs: nowMs };
    }
    const waitMs = Math.max(backOffMs(attempts, BACK_OFF, random), afterMs ?? 0);
    return { position, kind: "later", dueMs: nowMs + waitMs, attempts };
  }

  /** What the endpoint asks for holds for all events, and from its first answer on. */
  #failed(reason: string, afterMs: number | null): void {
    if (this.#breaker.failed(reason, afterMs)) {
      this.#options.log.error({ reason }, "The back end does not take events: they wait");
    }
    if (afterMs !== null) this.#breaker.rest(afterMs);
  }

  #report(fault: unknown): void {
    // That the store fails is known, and told of, elsewhere.
    if (toAppError(fault).code === "STORAGE_UNAVAILABLE") return;
    this.#options.log.error({ err: fault }, "Events for the back end wait: there is a fault");
  }
}

function within(waitMs: number): number {
  return Math.min(Math.max(waitMs, 1), LOOK_MS);
}
