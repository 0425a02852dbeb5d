import type { Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import { messageFaults, named } from "./message-rules.ts";
import { keyOf } from "./record.ts";

/** The final history by itself, and against what was sent. */
export function historyFaults(evidence: Evidence): Fault[] {
  const faults: Fault[] = [];
  const byKey = new Map<string, string>();
  const ids = new Set<string>();
  for (const [conversationId, messages] of evidence.history) {
    for (const [index, message] of messages.entries()) {
      if (message.seq !== index + 1) {
        const text = `${conversationId} has seq ${message.seq} where ${index + 1} belongs`;
        faults.push({ rule: "history-gap", text });
      }
      if (message.conversationId !== conversationId) {
        faults.push({ rule: "nobody-sent", text: `${named(message)} is in ${conversationId}` });
      }
      const key = keyOf(message.senderId, message.clientMessageId);
      const isKnown = byKey.has(key) || ids.has(message.id);
      if (isKnown) faults.push({ rule: "history-doubled", text: named(message) });
      byKey.set(key, message.id);
      ids.add(message.id);
      faults.push(...messageFaults(evidence, message, "the history"));
    }
  }
  return faults;
}
