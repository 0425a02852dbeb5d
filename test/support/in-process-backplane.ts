import type { Backplane, BackplaneListener } from "../../src/broker/backplane.ts";

/** What the nodes of one process share. */
export class InProcessNetwork {
  readonly nodes = new Set<InProcessBackplane>();

  node(nodeId: string): InProcessBackplane {
    return new InProcessBackplane(nodeId, this);
  }
}

/** Several nodes in one process: a message arrives in a later turn, as over a network. */
export class InProcessBackplane implements Backplane {
  readonly isShared = true;
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };
  readonly channels = new Set<string>();
  readonly prefixes = new Set<string>();
  isConnected = false;
  /** What it publishes gets lost, and nobody notices. */
  isLossy = false;
  #listener: BackplaneListener | null = null;

  constructor(
    readonly nodeId: string,
    readonly network: InProcessNetwork,
  ) {}

  start(listener: BackplaneListener): void {
    this.#listener = listener;
    this.network.nodes.add(this);
    this.isConnected = true;
    listener.changed(null);
  }

  publish(channel: string, payload: Uint8Array): void {
    if (!this.isConnected) {
      this.counts.dropped += 1;
      return;
    }
    this.counts.out += 1;
    if (this.isLossy) return;
    for (const node of this.network.nodes) {
      if (node !== this) setImmediate(() => node.#take(this.nodeId, channel, payload));
    }
  }

  subscribe(channel: string): void {
    this.channels.add(channel);
    setImmediate(() => {
      if (this.isConnected && this.channels.has(channel)) this.#listener?.subscribed(channel);
    });
  }

  unsubscribe(channel: string): void {
    this.channels.delete(channel);
  }

  subscribePrefix(prefix: string): void {
    this.prefixes.add(prefix);
  }

  unsubscribePrefix(prefix: string): void {
    this.prefixes.delete(prefix);
  }

  async close(): Promise<void> {
    this.#listener = null;
    this.isConnected = false;
    this.network.nodes.delete(this);
  }

  /** The network is gone for this node. */
  lose(): void {
    this.isConnected = false;
    this.network.nodes.delete(this);
    this.#listener?.changed("lost");
  }

  /** What goes out was lost for a moment; what comes in was not. */
  blink(): void {
    this.isConnected = false;
    this.#listener?.changed("lost");
    this.isConnected = true;
    this.#listener?.changed(null);
  }

  /** And back. */
  heal(): void {
    this.isConnected = true;
    this.network.nodes.add(this);
    this.counts.reconnects += 1;
    this.#listener?.changed(null);
    this.#listener?.gap();
  }

  #take(origin: string, channel: string, payload: Uint8Array): void {
    if (this.#listener === null || !this.isConnected) return;
    const isWanted =
      this.channels.has(channel) || [...this.prefixes].some((prefix) => channel.startsWith(prefix));
    if (!isWanted) return;
    this.counts.in += 1;
    this.#listener.received(origin, channel, payload);
  }
}
