import type { Address, Endpoint } from "./endpoint.ts";

/** A device's way to nodes that are all the same to it: at each attempt to the next one that runs. */
export class NodesInTurn implements Endpoint {
  readonly #nodes: readonly Endpoint[];
  #at: number;

  constructor(nodes: readonly Endpoint[], first: number) {
    this.#nodes = nodes;
    this.#at = first;
  }

  next(): Address | null {
    for (let asked = 0; asked < this.#nodes.length; asked += 1) {
      const address = this.#nodes[this.#at % this.#nodes.length]?.next();
      this.#at += 1;
      if (address) return address;
    }
    return null;
  }
}
