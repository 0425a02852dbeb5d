import type { Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import { keyOf, type SeenMessage } from "./record.ts";

/** One message, wherever it was seen: somebody sent it, there, and with that content. */
export function messageFaults(evidence: Evidence, message: SeenMessage, where: string): Fault[] {
  const sending = evidence.sendings.get(keyOf(message.senderId, message.clientMessageId));
  const text = `${named(message)}, seen in ${where}`;
  if (sending === undefined || sending.conversationId !== message.conversationId) {
    return [{ rule: "nobody-sent", text }];
  }
  return sending.digest === message.digest ? [] : [{ rule: "content-altered", text }];
}

export function named(message: SeenMessage): string {
  const { conversationId, seq, id, senderId, clientMessageId } = message;
  return `${conversationId}#${seq} (${senderId}'s ${clientMessageId}, id ${id})`;
}
