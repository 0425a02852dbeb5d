import { type BackOff, backOffMs } from "./back-off.ts";
import type { Judgement } from "./judgement.ts";
import type { ChannelPace, DeadLetter, DueNotice, NoticeOutcome } from "./ports.ts";
import type { SendOutcome } from "./provider.ts";
import type { WebhookEvent } from "./webhook-ports.ts";

/** How notices of one channel are sent. */
export interface NoticePace extends ChannelPace, BackOff {
  readonly timeoutMs: number;
  /** What could not be sent for so long, and by no fewer than `FEWEST_ATTEMPTS`, is a dead letter. */
  readonly giveUpMs: number;
}

/** What has waited long for other reasons, such as quiet hours, has so many attempts nonetheless. */
const FEWEST_ATTEMPTS = 10;

export interface Chances {
  readonly nowMs: number;
  readonly random: () => number;
  /** Of dead letters. */
  readonly newId: () => string;
  /** What the app's back end is told of a dead letter; null: nothing. */
  readonly eventOf: (letter: DeadLetter) => WebhookEvent | null;
}

/** What becomes of a notice that was sent, or was to be. */
export function attempted(
  due: DueNotice,
  outcome: Exclude<SendOutcome, { kind: "gone" }>,
  pace: NoticePace,
  chances: Chances,
): NoticeOutcome {
  const { nowMs, random } = chances;
  const key = keyOf(due);
  if (outcome.kind === "sent") {
    return { ...key, kind: "sent", sentMs: nowMs, nextMs: nowMs + pace.intervalMs };
  }
  const attempts = due.attempts + 1;
  const isOld = nowMs - due.createdMs >= pace.giveUpMs && attempts >= FEWEST_ATTEMPTS;
  if (outcome.kind === "retry" && !isOld) {
    const waitMs = Math.max(backOffMs(attempts, pace, random), outcome.afterMs ?? 0);
    return { ...key, kind: "later", dueMs: nowMs + waitMs, attempts };
  }
  return buried({ ...due, attempts }, outcome.reason, chances);
}

/** What becomes of one of which it is known by now that it will not be sent. */
export function buried(
  due: DueNotice,
  reason: string,
  { nowMs, newId, eventOf }: Chances,
): NoticeOutcome {
  const { attempts } = due;
  const fate = { attempts, reason, diedMs: nowMs };
  const letterId = newId();
  const { id: targetId, channel, userId } = due.target;
  const event = eventOf({
    ...{ id: letterId, channel, userId, targetId, conversationId: due.conversationId },
    ...{ seq: due.lastSeq, eventId: null, eventType: null, ...fate },
  });
  return { ...keyOf(due), kind: "dead", letterId, ...fate, event };
}

/** What becomes of one that is not to be sent now. */
export function judged(
  due: DueNotice,
  judgement: Exclude<Judgement, { kind: "told" }>,
): NoticeOutcome {
  if (judgement.kind === "dropped") return { ...keyOf(due), kind: "dropped" };
  return { ...keyOf(due), kind: "later", dueMs: judgement.dueMs, attempts: due.attempts };
}

function keyOf({ target, conversationId, lastSeq }: DueNotice) {
  return { targetId: target.id, conversationId, lastSeq };
}
