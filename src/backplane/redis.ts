import type { Backplane, BackplaneListener } from "../broker/backplane.ts";
import type { Clock } from "../clock.ts";
import { parseRedisUrl, type RedisTarget } from "../config/redis-url.ts";
import { AppError } from "../errors.ts";
import { decodeNodeFrame, NodeFrames } from "./node-frame.ts";
import type { RedisCarrier } from "./redis-carrier.ts";
import { RedisClusterCarrier } from "./redis-cluster-carrier.ts";
import { RedisServerCarrier } from "./redis-server-carrier.ts";
import { Repetitions } from "./repetitions.ts";

/** What a message that waits takes beside its bytes, about. */
const PENDING_OVERHEAD_BYTES = 512;

export interface RedisBackplaneOptions {
  readonly nodeId: string;
  /** See `parseRedisUrl`. */
  readonly url: string;
  /** Of all channels' names in Redis. */
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly reconnectMs: number;
  readonly pendingBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Nodes that publish and subscribe in Redis. */
export class RedisBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };
  readonly #pendingLimit: number;
  readonly #target: RedisTarget;
  readonly #frames: NodeFrames;
  readonly #repetitions = new Repetitions();
  readonly #carrier: RedisCarrier;
  #listener: BackplaneListener | null = null;
  #pendingBytes = 0;
  /** undefined until there is something to tell. */
  #told: string | null | undefined;

  /** Throws INVALID_CONFIGURATION for what is no URL of a Redis. */
  constructor(options: RedisBackplaneOptions) {
    const { nodeId, url, pendingBytes, ...rest } = options;
    const target = parseRedisUrl(url);
    if (target === null) throw new AppError("INVALID_CONFIGURATION", "redis.url has a wrong value");
    this.#pendingLimit = pendingBytes;
    this.#target = target;
    this.nodeId = nodeId;
    this.#frames = new NodeFrames(nodeId);
    const events = {
      received: (channel: string, bytes: Buffer) => this.#received(channel, bytes),
      subscribed: (channel: string) => this.#listener?.subscribed(channel),
      invalid: () => {
        this.counts.invalid += 1;
      },
      ready: (isAgain: boolean) => this.#ready(isAgain),
      lost: (reason: string) => this.#tell(this.#withoutSecrets(reason)),
      gap: () => this.#listener?.gap(),
    };
    const Carrier = target.kind === "cluster" ? RedisClusterCarrier : RedisServerCarrier;
    this.#carrier = new Carrier({ ...rest, target, name: `parley:${nodeId}`, events });
  }

  get isConnected(): boolean {
    return this.#carrier.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#listener = listener;
    this.#carrier.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const bytes = payload.length + PENDING_OVERHEAD_BYTES;
    const isTaken =
      this.#pendingBytes + bytes <= this.#pendingLimit &&
      this.#carrier.publish(channel, this.#frames.encode(payload), (isOut) => {
        this.#pendingBytes -= bytes;
        if (isOut) this.counts.out += 1;
        else this.counts.dropped += 1;
      });
    if (isTaken) this.#pendingBytes += bytes;
    else this.counts.dropped += 1;
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
    this.#listener = null;
    await this.#carrier.close();
  }

  #received(channel: string, bytes: Buffer): void {
    if (this.#listener === null) return;
    const frame = decodeNodeFrame(bytes);
    if (frame === null) {
      this.counts.invalid += 1;
      return;
    }
    const { run, number, nodeId, payload } = frame;
    if (run === this.#frames.run || this.#repetitions.has(run, number)) return;
    this.counts.in += 1;
    this.#listener.received(nodeId, channel, payload);
  }

  #ready(isAgain: boolean): void {
    if (isAgain) this.counts.reconnects += 1;
    if (this.isConnected) this.#tell(null);
  }

  /** Each change once, however many attempts it takes. */
  #tell(reason: string | null): void {
    if (this.#told === reason) return;
    this.#told = reason;
    this.#listener?.changed(reason);
  }

  /** Redis repeats what it does not understand, be it a password. */
  #withoutSecrets(reason: string): string {
    const { password, sentinelPassword } = this.#target;
    return [password, sentinelPassword]
      .filter((secret) => secret !== undefined)
      .reduce((text, secret) => text.replaceAll(secret, "[redacted]"), reason);
  }
}
