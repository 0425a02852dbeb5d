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

/** The finding with what it does not need left out, tried on fresh connections. */
export async function shrink(finding: Finding, place: Place): Promise<Finding> {
  const impatient = { ...place, patienceMs: PATIENCE_MS };
  let fault = finding.fault;
  const script = await smallest(finding.script, async (candidate) => {
    const { faults } = await replay(finding.carrier, candidate, impatient);
    const same = faults.find(({ kind }) => kind === finding.fault.kind);
    if (same !== undefined) fault = same;
    return same !== undefined;
  });
  return { ...finding, fault, script };
}

/** Leaves out ever smaller runs of pieces, as long as the fault still shows. */
export async function smallest(
  script: Script,
  stillShows: (candidate: Script) => Promise<boolean>,
): Promise<Script> {
  let found = script;
  let attempts = 0;
  for (let size = Math.ceil(lengthOf(script) / 2); size >= 1; size = Math.floor(size / 2)) {
    let at = 0;
    while (at < lengthOf(found) && attempts < ATTEMPTS) {
      attempts += 1;
      const candidate = without(found, at, size);
      if (await stillShows(candidate)) found = candidate;
      else at += size;
    }
  }
  return found;
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
