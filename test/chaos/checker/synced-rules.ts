import type { DeviceMemory } from "./device-memory.ts";
import type { Connection, Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import type { Observation } from "./record.ts";

type Synced = Extract<Observation, { kind: "synced" }>;

/** SYNCED says that the device has everything, or that it must read anew. */
export function syncedFaults(evidence: Evidence, synced: Synced, memory: DeviceMemory): Fault[] {
  const faults: Fault[] = [];
  const connection = evidence.connectionOf(synced.connection);
  const { cursors, deviceId } = connection.opened;
  for (const [conversationId, { seq, resync }] of synced.conversations) {
    const cursor = cursors?.get(conversationId);
    if (resync || cursor === undefined) continue;
    const where = `${deviceId} on connection ${synced.connection}`;
    if (cursor.id !== null && isFromAnotherLife(evidence, connection, memory, cursor.id)) {
      const text = `${where} resumed ${conversationId} at the lost ${cursor.id}`;
      faults.push({ rule: "resync-missing", text });
      continue;
    }
    for (let at = cursor.seq + 1; at <= seq; at += 1) {
      if (!isOwed(evidence, connection, conversationId, at)) continue;
      const id = evidence.at(conversationId, at)?.id;
      if (id === undefined || memory.has(id)) continue;
      const text = `${where} was not sent ${conversationId}#${at}, and SYNCED says ${seq}`;
      faults.push({ rule: "synced-early", text });
    }
  }
  return faults;
}

/** The message came before the server's last start, and that start knew nothing of it. */
function isFromAnotherLife(
  evidence: Evidence,
  connection: Connection,
  memory: DeviceMemory,
  id: string,
): boolean {
  const cameAt = memory.got.get(id);
  return (
    cameAt !== undefined &&
    !evidence.historyById.has(id) &&
    evidence.lastRestartBefore(connection.openedAt) > cameAt
  );
}

/** The device's to have, and confirmed while the connection lived: it was there, under this seq. */
function isOwed(
  evidence: Evidence,
  { opened, closedAt }: Connection,
  conversationId: string,
  seq: number,
): boolean {
  const message = evidence.at(conversationId, seq);
  if (message === undefined || !evidence.isOwedTo(opened, message)) return false;
  const confirmation = evidence.confirmedIds.get(message.id);
  return confirmation !== undefined && confirmation.place < closedAt;
}
