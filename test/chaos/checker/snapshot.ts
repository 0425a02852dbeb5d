import { missingFaults } from "./confirmation-rules.ts";
import { Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import { historyFaults } from "./history-rules.ts";
import type { ClientRecord, History } from "./record.ts";

/**
 * A state of the server at some moment, against the record up to there: all that had been confirmed
 * by then is in it. What was not may be there or not; `sentBy` is up to where that was written.
 */
export function judgeSnapshot(
  record: ClientRecord,
  confirmedBy: number,
  sentBy: number,
  history: History,
): Fault[] {
  const upTo = (place: number) => ({
    ...record,
    observations: record.observations.slice(0, place),
  });
  const sent = new Evidence(upTo(sentBy), history);
  const confirmed = confirmedBy === sentBy ? sent : new Evidence(upTo(confirmedBy), history);
  return [...missingFaults(confirmed), ...historyFaults(sent)];
}
