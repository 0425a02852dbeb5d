import type { Timer } from "../clock.ts";
import { ClusterMap } from "./cluster-map.ts";
import { ClusterShard } from "./cluster-shard.ts";
import { SLOTS, type SlotRange, slotOf } from "./cluster-slots.ts";
import { Prefixes } from "./prefixes.ts";
import type { RedisCarrier, RedisCarrierOptions } from "./redis-carrier.ts";
import { isMoved } from "./redis-subscriptions.ts";

/** How often it is asked whether any node listens to a prefix. */
const ASK_LISTENERS_MS = 500;

/**
 * By a Redis Cluster, with sharded channels: each is one shard's, so that shards share the load, where
 * an ordinary channel would be carried to every server of the cluster.
 *
 * Sharded channels have no patterns. So who listens to a prefix listens to one channel more, the hub,
 * and takes of it what it wants; who publishes, publishes there too, as long as anybody listens there.
 * That is asked twice a second: so long may it take until messages come by a node's first prefix.
 *
 * A channel that a node listens to comes by itself, others that a prefix covers by the hub. When one
 * way takes over from the other, what is just on its way may be missing, and nothing comes twice.
 */
export class RedisClusterCarrier implements RedisCarrier {
  readonly #options: RedisCarrierOptions;
  readonly #hub: string;
  readonly #map: ClusterMap;
  readonly #shards = new Map<string, ClusterShard>();
  readonly #bySlot: (ClusterShard | undefined)[] = new Array(SLOTS).fill(undefined);
  /** Of each channel that is listened to, the shard that was told; null: none yet. */
  readonly #channels = new Map<string, ClusterShard | null>();
  readonly #prefixes = new Prefixes();
  /** They arrived, and do again when the shard that has them now confirms them. */
  readonly #moving = new Set<string>();
  #known = "";
  #isHubHeard = false;
  #timer: Timer | null = null;

  constructor(options: RedisCarrierOptions) {
    const { events, prefix, ...common } = options;
    this.#options = options;
    this.#hub = `${prefix}*`;
    this.#map = new ClusterMap({
      ...common,
      known: (ranges) => this.#apply(ranges),
      ready: (isAgain) => events.ready(isAgain),
      lost: (reason) => events.lost(reason),
    });
  }

  get isReady(): boolean {
    if (!this.#map.isReady || this.#shards.size === 0) return false;
    for (const shard of this.#shards.values()) if (!shard.isReady) return false;
    return true;
  }

  open(): void {
    this.#map.open();
    this.#askForListeners();
  }

  publish(channel: string, bytes: Buffer, settled: (isOut: boolean) => void): boolean {
    const name = this.#options.prefix + channel;
    const { publisher } = this.#shardOf(name) ?? {};
    if (!publisher) return false;
    const hub = this.#isHubHeard ? this.#shardOf(this.#hub)?.publisher : undefined;
    let waiting = hub ? 2 : 1;
    let isOut = true;
    const done = (isDone: boolean) => {
      isOut &&= isDone;
      waiting -= 1;
      if (waiting === 0) settled(isOut);
    };
    const failed = (fault: unknown) => {
      if (isMoved(fault)) this.#map.askSoon();
      done(false);
    };
    publisher.sendCommand(["SPUBLISH", name, bytes]).then(() => done(true), failed);
    if (!hub) return true;
    hub.sendCommand(["SPUBLISH", this.#hub, forHub(channel, bytes)]).then(() => done(true), failed);
    return true;
  }

  add(channel: string): void {
    this.#listen(this.#options.prefix + channel);
  }

  remove(channel: string): void {
    this.#unlisten(this.#options.prefix + channel);
  }

  addPrefix(prefix: string): void {
    this.#prefixes.add(prefix);
    this.#listen(this.#hub);
  }

  removePrefix(prefix: string): void {
    this.#prefixes.delete(prefix);
    if (this.#prefixes.size === 0) this.#unlisten(this.#hub);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    const shards = [...this.#shards.values()];
    await Promise.all([this.#map, ...shards].map((connected) => connected.close()));
    this.#shards.clear();
    this.#bySlot.fill(undefined);
  }

  #shardOf(name: string): ClusterShard | undefined {
    return this.#bySlot[slotOf(name)];
  }

  #listen(name: string): void {
    if (this.#channels.has(name)) return;
    const shard = this.#shardOf(name) ?? null;
    this.#channels.set(name, shard);
    shard?.subscriptions.add(name);
  }

  #unlisten(name: string): void {
    this.#channels.get(name)?.subscriptions.remove(name);
    this.#channels.delete(name);
  }

  /** Redis has ended the subscription, or refused it: another shard has the channel's slot. */
  #moved(name: string, from: ClusterShard): void {
    from.subscriptions.forget(name);
    if (this.#channels.get(name) !== from) return;
    this.#channels.set(name, null);
    this.#moving.add(name);
    this.#map.askSoon();
  }

  #apply(ranges: readonly SlotRange[]): void {
    const text = JSON.stringify(ranges);
    if (text !== this.#known) {
      this.#known = text;
      this.#draw(ranges);
    }
    for (const [name, told] of this.#channels) {
      const shard = this.#shardOf(name) ?? null;
      if (shard === told) continue;
      told?.subscriptions.forget(name);
      shard?.subscriptions.add(name);
      this.#channels.set(name, shard);
      if (told !== null) this.#moving.add(name);
    }
    this.#tellOfMoves();
  }

  /** When all that have moved have arrived. */
  #tellOfMoves(): void {
    if (this.#moving.size === 0) return;
    for (const name of this.#moving) {
      const shard = this.#channels.get(name);
      if (shard === null || shard?.subscriptions.isConfirmed(name) === false) return;
    }
    this.#moving.clear();
    this.#options.events.gap();
  }

  /** The shards, and which slots are theirs. */
  #draw(ranges: readonly SlotRange[]): void {
    this.#bySlot.fill(undefined);
    const addresses = new Set<string>();
    for (const range of ranges) {
      const address = `${range.host}:${range.port}`;
      addresses.add(address);
      this.#bySlot.fill(this.#shardAt(address, range), range.from, range.to + 1);
    }
    for (const [address, shard] of this.#shards) {
      if (addresses.has(address)) continue;
      this.#shards.delete(address);
      shard.close().catch(() => {}); // It is gone either way.
    }
  }

  #shardAt(address: string, endpoint: SlotRange): ClusterShard {
    const known = this.#shards.get(address);
    if (known !== undefined) return known;
    const { events, prefix: _, ...common } = this.#options;
    const shard = new ClusterShard({
      ...{ ...common, endpoint: { host: endpoint.host, port: endpoint.port } },
      received: (bytes, channel) => this.#received(bytes, channel),
      confirmed: (name) => {
        if (name !== this.#hub) events.subscribed(name.slice(this.#options.prefix.length));
      },
      moved: (name) => this.#moved(name, shard),
      ready: (isAgain, isSubscribing) => {
        events.ready(isAgain);
        if (!isSubscribing) return;
        if (isAgain) events.gap();
        this.#tellOfMoves();
      },
      lost: (reason) => {
        if (this.#shards.get(address) !== shard) return;
        this.#map.askSoon();
        events.lost(reason);
      },
    });
    this.#shards.set(address, shard);
    shard.open();
    return shard;
  }

  #received(bytes: Buffer, channel: Buffer): void {
    const { prefix, events } = this.#options;
    const name = channel.toString();
    if (name !== this.#hub) {
      events.received(name.slice(prefix.length), bytes);
      return;
    }
    const content = fromHub(bytes);
    if (content === null) {
      events.invalid();
      return;
    }
    if (!this.#prefixes.cover(content.channel)) return;
    const own = prefix + content.channel;
    if (this.#channels.get(own)?.subscriptions.isConfirmed(own)) return;
    events.received(content.channel, content.bytes);
  }

  /** Now, and from then on. An answer that does not come leaves things as they are. */
  #askForListeners(): void {
    const { clock } = this.#options;
    this.#timer = clock.schedule(ASK_LISTENERS_MS, () => this.#askForListeners());
    const client = this.#shardOf(this.#hub)?.publisher;
    if (!client) return;
    client.sendCommand(["PUBSUB", "SHARDNUMSUB", this.#hub]).then(
      (answer: unknown) => {
        this.#isHubHeard = Array.isArray(answer) && Number(answer[1]) > 0;
      },
      () => {},
    );
  }
}

/** The channel behind its length, and what is published there. */
function forHub(channel: string, bytes: Buffer): Buffer {
  const length = Buffer.byteLength(channel);
  const whole = Buffer.allocUnsafe(4 + length + bytes.length);
  whole.writeUInt32BE(length);
  whole.write(channel, 4);
  bytes.copy(whole, 4 + length);
  return whole;
}

function fromHub(whole: Buffer): { readonly channel: string; readonly bytes: Buffer } | null {
  const end = whole.length < 4 ? Number.NaN : 4 + whole.readUInt32BE();
  if (!(end <= whole.length)) return null;
  return { channel: whole.toString("utf8", 4, end), bytes: whole.subarray(end) };
}
