import type { Evidence, Sending } from "./evidence.ts";
import type { Fault } from "./fault.ts";

interface Sent {
  readonly key: string;
  readonly firstPlace: number;
  readonly lastPlace: number;
  readonly seq: number;
}

/**
 * What one connection sent into one conversation got its `seq` in that order. A message that was
 * sent several times may have got it at any of them, so a pair tells only where the one was sent for
 * the last time before the other was sent at all; what other connections sent as well tells nothing.
 */
export function sendOrderFaults(evidence: Evidence): Fault[] {
  const lanes = new Map<string, Sent[]>();
  for (const [key, sending] of evidence.sendings) {
    const sent = sentOnOneConnection(evidence, key, sending);
    if (sent === null) continue;
    const lane = `${sending.sends[0]?.connection} ${sending.conversationId}`;
    const sends = lanes.get(lane);
    if (sends === undefined) lanes.set(lane, [sent]);
    else sends.push(sent);
  }
  return [...lanes.values()].flatMap(faultsOfLane);
}

function sentOnOneConnection(evidence: Evidence, key: string, sending: Sending): Sent | null {
  const confirmation = evidence.confirmations.get(key);
  const first = sending.sends[0];
  if (confirmation === undefined || first === undefined) return null;
  const counting = sending.sends.filter(({ place }) => place < confirmation.place);
  if (counting.some(({ connection }) => connection !== first.connection)) return null;
  const lastPlace = counting.at(-1)?.place ?? first.place;
  return { key, firstPlace: first.place, lastPlace, seq: confirmation.seq };
}

function faultsOfLane(lane: readonly Sent[]): Fault[] {
  const faults: Fault[] = [];
  const byLast = [...lane].sort((a, b) => a.lastPlace - b.lastPlace);
  let at = 0;
  let highest: Sent | null = null;
  for (const sent of [...lane].sort((a, b) => a.firstPlace - b.firstPlace)) {
    for (let done = byLast[at]; done !== undefined && done.lastPlace < sent.firstPlace; ) {
      if (highest === null || done.seq > highest.seq) highest = done;
      at += 1;
      done = byLast[at];
    }
    if (highest !== null && highest.seq > sent.seq) {
      const text = `${sent.key} got seq ${sent.seq} though sent after ${highest.key}, which got ${highest.seq}`;
      faults.push({ rule: "send-order", text });
    }
  }
  return faults;
}
