import type { Clock } from "../clock.ts";
import type { NodeChange } from "./node-change.ts";

/** What was told longer ago has arrived: a lost connection is known by then. */
const SURE_MS = 60_000;
/** Where more would be told again, others are told to read everything. */
const MOST = 1_000;
const EVERYTHING = { kind: "everything" } as const;

interface Told {
  readonly change: NodeChange;
  /** By the monotonic clock. */
  readonly toldMs: number;
}

/** What this node has told others of late, who are told it again if it may not have arrived. */
export class ToldChanges {
  readonly #clock: Clock;
  /** By what was changed; what was told first is first. */
  readonly #told = new Map<string, Told>();
  #isDoubtful = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param isLost it certainly does not arrive */
  add(change: NodeChange, isLost: boolean): void {
    // Who was disconnected may be back by then: that is done again only where it was not done.
    if (change.kind === "disconnect" && !isLost) return;
    this.#forgetSure();
    this.#isDoubtful ||= isLost;
    this.#keep(change);
  }

  /** What was told of late may not have arrived. */
  doubt(): void {
    this.#forgetSure();
    this.#isDoubtful ||= this.#told.size > 0;
  }

  /** What is to be told again now; that may get lost too. */
  again(): NodeChange[] {
    if (!this.#isDoubtful) return [];
    this.#isDoubtful = false;
    const changes = [...this.#told.values()].map(({ change }) => change);
    this.#told.clear();
    for (const change of changes) if (change.kind !== "disconnect") this.#keep(change);
    return changes.map(asAgain);
  }

  #keep(change: NodeChange): void {
    const isTooMuch = this.#told.size >= MOST || this.#told.has(EVERYTHING.kind);
    if (isTooMuch) this.#told.clear();
    this.#put(isTooMuch ? EVERYTHING : change);
  }

  #put(change: NodeChange): void {
    const key = keyOf(change);
    this.#told.delete(key);
    this.#told.set(key, { change, toldMs: this.#clock.monotonicMs() });
  }

  #forgetSure(): void {
    if (this.#isDoubtful) return;
    const sinceMs = this.#clock.monotonicMs() - SURE_MS;
    for (const [key, { toldMs }] of this.#told) {
      if (toldMs >= sinceMs) return;
      this.#told.delete(key);
    }
  }
}

function keyOf(change: NodeChange): string {
  switch (change.kind) {
    case "everything":
      return change.kind;
    case "revoked":
      return JSON.stringify([change.kind, change.revocation.kind, change.revocation.subject]);
    case "block":
      return JSON.stringify([change.kind, change.blockerId, change.blockedId]);
    default:
      return JSON.stringify([change.kind, change.userId]);
  }
}

/** Of a profile, contacts have perhaps been told. */
function asAgain(change: NodeChange): NodeChange {
  return change.kind === "profile" ? { ...change, kind: "name" } : change;
}
