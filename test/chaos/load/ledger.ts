import type { Observation } from "../checker/record.ts";

/** The load's own record of all that its clients did and saw, in order. */
export class Ledger {
  readonly observations: Observation[] = [];
  #connections = 0;

  add(observation: Observation): void {
    this.observations.push(observation);
  }

  nextConnection(): number {
    this.#connections += 1;
    return this.#connections;
  }
}
