import { completenessFaults } from "./completeness-rules.ts";
import { confirmationFaults } from "./confirmation-rules.ts";
import { ConnectionRules } from "./connection-rules.ts";
import { Evidence } from "./evidence.ts";
import { type Fault, type FaultKind, kindOf } from "./fault.ts";
import { historyFaults } from "./history-rules.ts";
import type { ClientRecord, History } from "./record.ts";
import { sendOrderFaults } from "./send-order-rule.ts";

export interface Verdict {
  readonly faults: readonly Fault[];
  /** Messages whose SENT arrived. */
  readonly confirmed: number;
}

/**
 * Holds what clients saw against what the server kept. In the default delivery mode a recipient may
 * be shown a message that a crash takes before it was confirmed, and its `seq` may be used anew
 * [DESIGN §3.1]: such messages are no fault as long as nobody was told SENT.
 */
export function judge(record: ClientRecord, history: History): Verdict {
  const evidence = new Evidence(record, history);
  const connections = new ConnectionRules(evidence);
  connections.run();
  const faults = [
    ...historyFaults(evidence),
    ...confirmationFaults(evidence),
    ...sendOrderFaults(evidence),
    ...connections.faults,
    ...completenessFaults(evidence, connections),
  ];
  return { faults, confirmed: evidence.confirmations.size };
}

export function countOf(faults: readonly Fault[], kind: FaultKind): number {
  return faults.filter((fault) => kindOf(fault) === kind).length;
}
