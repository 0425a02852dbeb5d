import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Session } from "../session/session.ts";

/** The sessions of every transport, and the timer that holds them to their time limits. */
export class LiveSessions {
  readonly #sessions = new Set<Session>();
  #timer: Timer | null = null;
  #isStopping = false;

  /** @param checkEveryMs between two looks at the time limits, while there are sessions */
  constructor(
    readonly clock: Clock,
    readonly checkEveryMs: number,
  ) {}

  get count(): number {
    return this.#sessions.size;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** The session's transport is open. One that comes while the server stops is told so. */
  add(session: Session): void {
    this.#sessions.add(session);
    if (this.#isStopping) session.fail(stopping());
    else this.#timer ??= this.clock.schedule(this.checkEveryMs, this.#check);
  }

  /** The session's transport is gone. Idempotent. */
  remove(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Closes every connection; each client is told that the server goes away. */
  stop(): void {
    this.#isStopping = true;
    this.#timer?.cancel();
    for (const session of this.#sessions) {
      // A stream has no close code that could tell.
      if (session.connection.framing === "stream") session.fail(stopping());
      else session.close(1001, "The server is stopping");
    }
  }

  readonly #check = (): void => {
    const nowMs = this.clock.monotonicMs();
    for (const session of this.#sessions) session.check(nowMs);
    this.#timer =
      this.#sessions.size === 0 ? null : this.clock.schedule(this.checkEveryMs, this.#check);
  };
}

function stopping(): AppError {
  return new AppError("SHUTTING_DOWN", "The server is stopping");
}
