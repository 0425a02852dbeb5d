import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { NoticeChannel, SendOutcome } from "./provider.ts";

/** However many targets fail, and others do not, the log tells of it so often. */
const TELL_MS = 60_000;

/** Tells operators why notices of a channel are not taken: once, however many there are. */
export class FailureLog {
  readonly #channel: NoticeChannel;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #log: Log;
  /** As the log says; null: they are taken. */
  #failure: string | null = null;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(channel: NoticeChannel, clock: Pick<Clock, "monotonicMs">, log: Log) {
    this.#channel = channel;
    this.#clock = clock;
    this.#log = log;
  }

  tell(outcome: SendOutcome): void {
    const channel = this.#channel;
    if (outcome.kind === "sent" || outcome.kind === "gone") {
      if (this.#failure !== null) this.#log.info({ channel }, "Notices are taken again");
      this.#failure = null;
      return;
    }
    const { reason } = outcome;
    const nowMs = this.#clock.monotonicMs();
    if (reason === this.#failure || nowMs - this.#toldMs < TELL_MS) return;
    this.#log.warn({ channel, reason }, "Notices are not taken");
    this.#failure = reason;
    this.#toldMs = nowMs;
  }
}
