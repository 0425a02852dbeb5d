import { Counter, Gauge, type Registry } from "prom-client";
import type { Backplane } from "../broker/backplane.ts";
import type { Leadership } from "../chat/leadership.ts";
import type { Cluster } from "../nodes/cluster.ts";

export interface BackplaneMetricsSource {
  readonly backplane: Pick<Backplane, "isConnected" | "counts">;
  /** Those who read what came, and what they could not. */
  readonly receivers: readonly { readonly invalid: number }[];
  /** null: there are none. */
  readonly cluster: Pick<Cluster, "count" | "unlike"> | null;
  readonly leadership: Leadership;
}

/** What goes between nodes. */
export function measureBackplane(
  { backplane, receivers, cluster, leadership }: BackplaneMetricsSource,
  registry: Registry,
): void {
  new Gauge({
    name: "parley_backplane_connected",
    help: "1: other nodes are reached, or there are none to be.",
    registers: [registry],
    collect() {
      this.set(backplane.isConnected ? 1 : 0);
    },
  });
  new Gauge({
    name: "parley_leader",
    help: "1: this node does the work that one of those on a database does alone.",
    registers: [registry],
    collect() {
      this.set(leadership.isLeader ? 1 : 0);
    },
  });
  new Gauge({
    ...{ name: "parley_nodes", help: "Nodes that live, as this one knows; it is one of them." },
    registers: [registry],
    collect() {
      this.set(1 + (cluster?.count ?? 0));
    },
  });
  new Gauge({
    name: "parley_nodes_unlike",
    help: "Other nodes of another version, or with other values of settings that all must have alike.",
    registers: [registry],
    collect() {
      this.set(cluster?.unlike ?? 0);
    },
  });
  const read = (name: string, help: string, value: () => number) =>
    new Counter({
      ...{ name: `parley_backplane_${name}_total`, help, registers: [registry] },
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  const { counts } = backplane;
  read("messages_out", "Messages that were handed on to other nodes.", () => counts.out);
  read("messages_in", "Messages that came from other nodes.", () => counts.in);
  read("dropped", "Messages that did not go out to other nodes.", () => counts.dropped);
  read("reconnects", "How often a connection was made again.", () => counts.reconnects);
  read("invalid", "What came between nodes and could not be read.", () =>
    receivers.reduce((sum, { invalid }) => sum + invalid, counts.invalid),
  );
}
