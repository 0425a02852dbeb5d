import { AwaitedDepartures } from "./awaited-departures.ts";
import { judge } from "./judgement.ts";
import type { Told } from "./notice-lane.ts";
import { judged, type NoticePace } from "./notice-outcome.ts";
import type { DueNotice, NoticeOutcome } from "./ports.ts";
import type { TargetRests } from "./target-rests.ts";

export interface NoticeTriageOptions {
  readonly pace: NoticePace;
  readonly rests: TargetRests;
  /** The user has a connection to some node, or had one a moment ago. */
  readonly isThere: (userId: string) => boolean;
  /** From a message on: by then it is known whether a connection lives that has taken it. */
  readonly doubtMs: number;
}

/** Until it is looked again at an undelivered notice of a user who is there. */
const AGAIN_MS = 10_000;

/** Which of a channel's notices that are due are to be told now, and what becomes of the others. */
export class NoticeTriage {
  readonly #options: NoticeTriageOptions;
  readonly #departures = new AwaitedDepartures();

  constructor(options: NoticeTriageOptions) {
    this.#options = options;
  }

  sort(
    dues: readonly DueNotice[],
    nowMs: number,
  ): { readonly told: Told[]; readonly untold: NoticeOutcome[] } {
    const { pace, rests, isThere, doubtMs } = this.#options;
    const againMs = Math.max(AGAIN_MS, pace.delayMs);
    const told: Told[] = [];
    const untold: NoticeOutcome[] = [];
    for (const due of dues) {
      const { id, userId } = due.target;
      const there = isThere(userId);
      const judgement = judge(due, { nowMs, isThere: there, againMs, doubtMs });
      this.#departures.remove(due);
      const restsUntilMs = rests.untilMs(id);
      if (judgement.kind === "told" && restsUntilMs <= nowMs) {
        told.push({ due, notice: judgement.notice });
      } else if (judgement.kind === "told") {
        untold.push(judged(due, { kind: "later", dueMs: restsUntilMs }));
      } else {
        untold.push(judged(due, judgement));
        // An e-mail is for who stays away, and not for who has just gone.
        const isAwaited = there && judgement.kind === "later" && pace.channel !== "email";
        if (isAwaited) this.#departures.put(due);
      }
    }
    return { told, untold };
  }

  /** The user has gone: what becomes of what has waited for that. */
  departed(userId: string, nowMs: number): readonly NoticeOutcome[] {
    const dues = this.#departures.take(userId);
    return dues.map((due) => judged(due, { kind: "later", dueMs: nowMs }));
  }

  /** Others look after notices from now on. */
  clear(): void {
    this.#departures.clear();
  }
}
