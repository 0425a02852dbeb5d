import { Attempts } from "./attempts.ts";
import type { Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import { keyOf, type Observation } from "./record.ts";

type Confirmed = Extract<Observation, { kind: "confirmed" }>;

/** SENT: of one's own message, always the same one, kept, and never of what was refused. */
export function confirmationFaults(evidence: Evidence): Fault[] {
  const faults: Fault[] = [];
  const attempts = new Attempts(evidence);
  for (const observation of evidence.record.observations) {
    if (observation.kind === "restarted") attempts.restarted();
    if (!("clientMessageId" in observation)) continue;
    const userId = evidence.userOf(observation.connection);
    const key = keyOf(userId, observation.clientMessageId);
    if (observation.kind === "sent") attempts.sent(key, observation.connection);
    else if (observation.kind === "refused") attempts.refused(key, observation.connection);
    else {
      const refusal = attempts.refusalOf(key);
      if (refusal !== null) faults.push({ rule: "refused-confirmed", text: `${key} ${refusal}` });
      faults.push(...faultsOf(evidence, key, observation));
    }
  }
  return [...faults, ...missingFaults(evidence)];
}

function faultsOf(evidence: Evidence, key: string, confirmed: Confirmed): Fault[] {
  const { conversationId, id, seq } = confirmed;
  const sending = evidence.sendings.get(key);
  if (sending === undefined || sending.conversationId !== conversationId) {
    return [{ rule: "foreign-confirmation", text: `${key} in ${conversationId}` }];
  }
  const first = evidence.confirmations.get(key);
  if (first === undefined || (first.id === id && first.seq === seq)) return [];
  const text = `${key} was ${first.id} at seq ${first.seq}, then ${id} at ${seq}`;
  return [{ rule: "confirmed-twice", text }];
}

/** All that was confirmed is in the history, at its seq. */
export function missingFaults(evidence: Evidence): Fault[] {
  const faults: Fault[] = [];
  for (const [key, { id, seq }] of evidence.confirmations) {
    const kept = evidence.historyById.get(id);
    if (kept === undefined || keyOf(kept.senderId, kept.clientMessageId) !== key) {
      faults.push({ rule: "confirmed-missing", text: `${key}, confirmed as ${id} at seq ${seq}` });
    } else if (kept.seq !== seq) {
      const text = `${key} was confirmed at seq ${seq}, and the history has it at ${kept.seq}`;
      faults.push({ rule: "seq-differs", text });
    }
  }
  return faults;
}
