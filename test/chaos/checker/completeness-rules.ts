import type { ConnectionRules } from "./connection-rules.ts";
import type { Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import { named } from "./message-rules.ts";
import type { Device } from "./record.ts";

/** Every device that says that it has caught up has got all that it has a right to. */
export function completenessFaults(evidence: Evidence, connections: ConnectionRules): Fault[] {
  const { devices, observations } = evidence.record;
  const settled = new Set(
    observations.flatMap((each) => (each.kind === "settled" ? [each.deviceId] : [])),
  );
  const faults: Fault[] = [];
  for (const device of devices) {
    if (!settled.has(device.id)) continue;
    const memories = sharesReceipts(evidence, device).map(({ id }) => connections.memoryOf(id));
    for (const [conversationId, messages] of evidence.history) {
      if (!evidence.isMember(conversationId, device.userId)) continue;
      for (const message of messages) {
        if (!evidence.isOwedTo({ deviceId: device.id, userId: device.userId }, message)) continue;
        if (memories.some((memory) => memory.has(message.id))) continue;
        faults.push({ rule: "receipt-missing", text: `${named(message)} to ${device.id}` });
      }
    }
  }
  return faults;
}

/** The devices that count as one: what a user has received is not sent to their other ones again. */
function sharesReceipts({ record }: Evidence, device: Device): readonly Device[] {
  if (record.resume === "sync") return [device];
  return record.devices.filter(({ userId }) => userId === device.userId);
}
