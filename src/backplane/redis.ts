import type { Backplane, BackplaneCounts, BackplaneListener } from "../broker/backplane.ts";
import { parseRedisUrl } from "../config/redis-url.ts";
import { NodeReports } from "./node-reports.ts";
import { NodeTraffic } from "./node-traffic.ts";
import type { RedisCarrier } from "./redis-carrier.ts";
import { RedisClusterCarrier } from "./redis-cluster-carrier.ts";
import { RedisServerCarrier } from "./redis-server-carrier.ts";
import { PENDING_OVERHEAD_BYTES, type ServerBackplaneOptions, targetOf } from "./server-options.ts";

/** For the URL see `parseRedisUrl`. */
export interface RedisBackplaneOptions extends ServerBackplaneOptions {
  /** Of all channels' names in Redis. */
  readonly prefix: string;
}

/** Nodes that publish and subscribe in Redis. */
export class RedisBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly #pendingLimit: number;
  readonly #reports: NodeReports;
  readonly #traffic: NodeTraffic;
  readonly #carrier: RedisCarrier;
  #pendingBytes = 0;

  /** Throws INVALID_CONFIGURATION for what is no URL of a Redis. */
  constructor(options: RedisBackplaneOptions) {
    const { nodeId, url, pendingBytes, ...rest } = options;
    const target = targetOf(url, "redis.url", parseRedisUrl);
    this.#pendingLimit = pendingBytes;
    this.nodeId = nodeId;
    const reports = new NodeReports(target.password, target.sentinelPassword);
    const traffic = new NodeTraffic(nodeId, reports);
    this.#reports = reports;
    this.#traffic = traffic;
    const events = {
      received: (channel: string, bytes: Buffer) => traffic.received(channel, bytes),
      subscribed: (channel: string) => reports.subscribed(channel),
      invalid: () => {
        reports.counts.invalid += 1;
      },
      ready: (isAgain: boolean) => reports.ready(isAgain, this.isConnected),
      lost: (reason: string) => reports.lost(reason),
      gap: () => reports.gap(),
    };
    const Carrier = target.kind === "cluster" ? RedisClusterCarrier : RedisServerCarrier;
    this.#carrier = new Carrier({ ...rest, target, name: `parley:${nodeId}`, events });
  }

  get counts(): BackplaneCounts {
    return this.#reports.counts;
  }

  get isConnected(): boolean {
    return this.#carrier.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#reports.begin(listener);
    this.#carrier.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const { counts } = this.#reports;
    const bytes = payload.length + PENDING_OVERHEAD_BYTES;
    const isTaken =
      this.#pendingBytes + bytes <= this.#pendingLimit &&
      this.#carrier.publish(channel, this.#traffic.encode(payload), (isOut) => {
        this.#pendingBytes -= bytes;
        if (isOut) counts.out += 1;
        else counts.dropped += 1;
      });
    if (isTaken) this.#pendingBytes += bytes;
    else counts.dropped += 1;
  }

  subscribe(channel: string): void {
    this.#carrier.add(channel);
  }

  unsubscribe(channel: string): void {
    this.#carrier.remove(channel);
  }

  subscribePrefix(prefix: string): void {
    this.#carrier.addPrefix(prefix);
  }

  unsubscribePrefix(prefix: string): void {
    this.#carrier.removePrefix(prefix);
  }

  async close(): Promise<void> {
    this.#reports.end();
    await this.#carrier.close();
  }
}
