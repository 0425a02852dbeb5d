import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Session } from "../session/session.ts";

export interface LiveSessionsOptions {
  readonly clock: Clock;
  /** Between two looks at the time limits, while there are sessions. */
  readonly checkEveryMs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** The longest time that a client of a server that stops is told to wait before it comes back. */
  readonly reconnectSpreadMs: number;
}

/** So many are closed before other events have their turn. */
const CLOSED_IN_A_TURN = 250;

/** The sessions of every transport, and the timer that holds them to their time limits. */
export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #sessions = new Set<Session>();
  #timer: Timer | null = null;
  #isDraining = false;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** New sessions are refused. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** The session's transport is open. One that comes while the server stops is told so. */
  add(session: Session): void {
    this.#sessions.add(session);
    if (this.#isDraining) session.fail(this.#stopping());
    else this.#schedule();
  }

  /** The session's transport is gone. Idempotent. */
  remove(session: Session): void {
    this.#sessions.delete(session);
  }

  /** From now on no session is added; those that are there go on. */
  drain(): void {
    this.#isDraining = true;
  }

  /**
   * Closes every connection, some in each turn of the event loop. Each client is told that the server
   * goes away, and a time after which to come back.
   */
  async stop(): Promise<void> {
    this.#isDraining = true;
    let inTurn = 0;
    for (const session of this.#sessions) {
      session.dismiss(this.#stopping());
      inTurn += 1;
      if (inTurn < CLOSED_IN_A_TURN) continue;
      inTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#timer?.cancel();
  }

  readonly #check = (): void => {
    this.#timer = null;
    const nowMs = this.#options.clock.monotonicMs();
    for (const session of this.#sessions) session.check(nowMs);
    if (this.#sessions.size > 0) this.#schedule();
  };

  #schedule(): void {
    const { clock, checkEveryMs } = this.#options;
    this.#timer ??= clock.schedule(checkEveryMs, this.#check);
  }

  #stopping(): AppError {
    const { random, reconnectSpreadMs } = this.#options;
    const retryAfterMs = Math.round(random() * reconnectSpreadMs);
    const text = `The server is stopping; reconnect in ${retryAfterMs} ms`;
    return new AppError("SHUTTING_DOWN", text, { details: { retryAfterMs } });
  }
}
