import type { Log } from "../log.ts";
import { differences, type SelfDescription } from "./node-info.ts";
import type { Peer } from "./roster.ts";

/** A node that was started again may still be heard from before; it does not beat so often. */
const TWIN_BEATS = 3;
/** A leader that is lost has followed by then, also where PostgreSQL had to give up its connection. */
const UNLED_BEATS = 30;
/** Of nodes whose messages are none; further ones are not told of. */
const MOST_STRANGERS = 100;

/** Tells the operator, once for each, of nodes that do not fit together. */
export class Agreement {
  readonly #ownId: string;
  readonly #self: Pick<SelfDescription, "version" | "settings">;
  readonly #log: Log;
  /** How often others that have this node's name were heard, by run. */
  readonly #twins = new Map<string, number>();
  readonly #strangers = new Set<string>();
  #unledBeats = 0;

  constructor(ownId: string, self: Pick<SelfDescription, "version" | "settings">, log: Log) {
    this.#ownId = ownId;
    this.#self = self;
    this.#log = log;
  }

  came({ id: node, beat }: Peer): void {
    const { version, settings } = this.#self;
    if (beat.version === version) this.#log.info({ node, version }, "Another node is there");
    else {
      this.#log.warn(
        { node, version: beat.version, ownVersion: version },
        "Another node is there, of another version: bring all nodes to one",
      );
    }
    const differing = differences(settings, beat.settings);
    if (differing.length === 0) return;
    this.#log.warn(
      { node, settings: differing },
      "Another node has other values of settings that all nodes must have alike",
    );
  }

  heard({ id, beat: { run } }: Peer): void {
    if (id !== this.#ownId) return;
    const beats = (this.#twins.get(run) ?? 0) + 1;
    this.#twins.set(run, beats);
    if (beats !== TWIN_BEATS) return;
    this.#log.error({ node: id }, "Another node has the same node.id: give each its own");
  }

  gone({ beat: { run } }: Peer): void {
    this.#twins.delete(run);
  }

  /** Who is not led by anybody that is heard is led by somebody who is not, as long as there is a database. */
  beat(isLed: boolean): void {
    this.#unledBeats = isLed ? 0 : this.#unledBeats + 1;
    if (this.#unledBeats !== UNLED_BEATS) return;
    this.#log.error(
      {},
      "No node that is heard leads: PostgreSQL is away, or other nodes serve the same database by another backplane, address or prefix",
    );
  }

  /** What came of that node is of no node of this version. */
  unintelligible(node: string): void {
    if (this.#strangers.has(node) || this.#strangers.size >= MOST_STRANGERS) return;
    this.#strangers.add(node);
    this.#log.warn({ node }, "Another node is not understood: bring all nodes to one version");
  }
}
