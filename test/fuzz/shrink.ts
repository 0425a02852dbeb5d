import type { Carrier } from "./carriers/carrier.ts";
import { type Place, replay, type Script } from "./conversation.ts";
import type { Fault } from "./oracle.ts";

export interface Finding {
  /** Of the conversation. */
  readonly index: number;
  readonly carrier: Carrier;
  readonly fault: Fault;
  readonly script: Script;
}

const ATTEMPTS = 60;
const PATIENCE_MS = 2_000;

/** Leaves out what the fault does not need, while it still shows. */
export async function shrink(finding: Finding, place: Place): Promise<Finding> {
  const impatient = { ...place, patienceMs: PATIENCE_MS };
  let smallest = finding;
  let attempts = 0;
  const stillShows = async (script: Script): Promise<boolean> => {
    attempts += 1;
    const { faults } = await replay(finding.carrier, script, impatient);
    const same = faults.find(({ kind }) => kind === finding.fault.kind);
    if (same !== undefined) smallest = { ...finding, fault: same, script };
    return same !== undefined;
  };
  for (let size = Math.ceil(lengthOf(finding.script) / 2); size >= 1; size = Math.floor(size / 2)) {
    let at = 0;
    while (at < lengthOf(smallest.script) && attempts < ATTEMPTS) {
      if (!(await stillShows(without(smallest.script, at, size)))) at += size;
    }
  }
  return smallest;
}

function lengthOf(script: Script): number {
  return script.reduce((sum, pieces) => sum + pieces.length, 0);
}

/** Without `size` pieces from the `from`th on. */
function without(script: Script, from: number, size: number): Script {
  let at = 0;
  const rounds = script.map((pieces) =>
    pieces.filter(() => {
      at += 1;
      return at <= from || at > from + size;
    }),
  );
  return rounds.filter((pieces) => pieces.length > 0);
}
