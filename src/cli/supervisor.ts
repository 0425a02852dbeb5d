import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ListeningPorts, ProcessPlace } from "../process-place.ts";
import type { Child, ChildrenPort, ServerAddresses } from "./context.ts";

const FIRST_PAUSE_MS = 100;
/** Of each process in a row, while none of the others serves either. */
const MOST_FAILED_STARTS = 5;

export interface SupervisorOptions {
  readonly count: number;
  /** The place of a process that is started now. */
  readonly placeOf: (number: number, ports: ListeningPorts | null) => ProcessPlace;
  readonly children: Pick<ChildrenPort, "start">;
  /** The longest pause before a process is started again. */
  readonly restartMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Where a process runs, or is to run again. */
interface Slot {
  readonly number: number;
  child: Child | null;
  /** null: it does not serve. */
  readyAtMs: number | null;
  /** Ends in a row that came soon: each makes the pause longer. */
  soonEnds: number;
  /** Starts in a row that led to nothing. */
  failedStarts: number;
  timer: Timer | null;
}

/**
 * Starts the processes of a server, and each of them again when it ends: soon at first, then after
 * pauses that double, each with a random part.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: readonly Slot[];
  readonly #failure = Promise.withResolvers<void>();
  readonly #allGone = Promise.withResolvers<void>();
  #started: PromiseWithResolvers<ServerAddresses> | null = null;
  #addresses: ServerAddresses | null = null;
  #isStopping = false;
  /** A process did not end as it should when it was stopped. */
  #isDisorderly = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      ...{ child: null, readyAtMs: null, soonEnds: 0, failedStarts: 0, timer: null },
    }));
  }

  /** Resolves when there is no hope that a process will serve again. */
  get failed(): Promise<void> {
    return this.#failure.promise;
  }

  /**
   * Resolves when all processes serve. The first one finds out which ports are free, and whether the
   * server can start at all; the others follow. Rejects when one ends before that.
   */
  start(): Promise<ServerAddresses> {
    const started = Promise.withResolvers<ServerAddresses>();
    this.#started = started;
    const [first] = this.#slots;
    if (first !== undefined) this.#start(first);
    return started.promise;
  }

  /** Resolves, when all processes are gone, with whether all went in order. */
  async stop(reason: string): Promise<boolean> {
    this.#isStopping = true;
    for (const { child, timer } of this.#slots) {
      timer?.cancel();
      child?.stop(reason);
    }
    this.#lookWhetherGone();
    await this.#allGone.promise;
    return !this.#isDisorderly;
  }

  /** Ends all processes at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { child } of this.#slots) child?.kill();
  }

  #start(slot: Slot): void {
    const { children, placeOf, log } = this.#options;
    slot.timer = null;
    try {
      slot.child = children.start(placeOf(slot.number, this.#addresses?.ports ?? null), {
        ready: (addresses) => this.#ready(slot, addresses),
        ended: (exit) => this.#ended(slot, exit),
      });
    } catch (err) {
      log.error({ err, process: slot.number }, "The system starts no process");
      this.#ended(slot, { exitCode: null, signal: null });
    }
  }

  #ready(slot: Slot, addresses: ServerAddresses): void {
    const { clock, log } = this.#options;
    log.info({ process: slot.number, pid: slot.child?.pid }, "A process of the server is ready");
    slot.readyAtMs = clock.monotonicMs();
    slot.failedStarts = 0;
    const isFirst = this.#addresses === null;
    this.#addresses ??= addresses;
    if (this.#isStopping || this.#started === null) return;
    if (isFirst) for (const other of this.#slots) if (other !== slot) this.#start(other);
    if (this.#slots.some(({ readyAtMs }) => readyAtMs === null)) return;
    this.#started.resolve(this.#addresses);
    this.#started = null;
  }

  #ended(
    slot: Slot,
    exit: { readonly exitCode: number | null; readonly signal: string | null },
  ): void {
    const { clock, log, random, restartMs } = this.#options;
    const { number, child, readyAtMs } = slot;
    slot.child = null;
    slot.readyAtMs = null;
    const fields = { process: number, pid: child?.pid, ...exit };
    if (this.#isStopping) {
      if (exit.exitCode !== 0) {
        this.#isDisorderly = true;
        log.error(fields, "A process of the server did not stop in order");
      }
      this.#lookWhetherGone();
      return;
    }
    if (this.#started !== null) {
      const text = `process ${number} of ${this.#slots.length} could not start, as it says itself`;
      this.#started.reject(new AppError("INVALID_CONFIGURATION", text));
      this.#started = null;
      return;
    }
    const servedMs = readyAtMs === null ? 0 : clock.monotonicMs() - readyAtMs;
    slot.soonEnds = servedMs > restartMs ? 0 : slot.soonEnds + 1;
    if (readyAtMs === null) slot.failedStarts += 1;
    if (this.#isHopeless()) {
      log.error(fields, "No process of the server can start any more");
      this.#failure.resolve();
      return;
    }
    const pauseMs = Math.min(restartMs, FIRST_PAUSE_MS * 2 ** Math.min(slot.soonEnds, 20));
    const restartsInMs = Math.round(pauseMs * (0.5 + 0.5 * random()));
    log.error(
      { ...fields, restartsInMs },
      "A process of the server has ended: it is started again",
    );
    slot.timer = clock.schedule(restartsInMs, () => this.#start(slot));
  }

  #isHopeless(): boolean {
    return this.#slots.every(
      ({ readyAtMs, failedStarts }) => readyAtMs === null && failedStarts >= MOST_FAILED_STARTS,
    );
  }

  #lookWhetherGone(): void {
    if (this.#slots.every(({ child }) => child === null)) this.#allGone.resolve();
  }
}
