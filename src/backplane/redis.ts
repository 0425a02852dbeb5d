import type { Backplane, BackplaneListener } from "../broker/backplane.ts";
import type { Clock } from "../clock.ts";
import { parseRedisUrl, type RedisTarget } from "../config/redis-url.ts";
import { AppError } from "../errors.ts";
import { decodeNodeFrame, NodeFrames } from "./node-frame.ts";
import type { RedisClient } from "./redis-client.ts";
import { RedisConnection, reasonOf } from "./redis-connection.ts";
import { RedisEndpoints } from "./redis-endpoints.ts";
import { CHANNELS, PATTERNS, RedisSubscriptions } from "./redis-subscriptions.ts";

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

/**
 * Nodes that publish and subscribe in Redis: one connection for what goes out, one for what comes in.
 * Each heals without the other.
 *
 * A prefix is a pattern of Redis. What a channel and patterns cover at once comes several times, one
 * right after the other, and is told once.
 *
 * In a Cluster ordinary channels are used, which every node of it carries to all. Sharded ones have no
 * patterns: each message would have to go both ways, which is more than the ordinary one alone.
 */
export class RedisBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };
  readonly #options: RedisBackplaneOptions;
  readonly #target: RedisTarget;
  readonly #frames: NodeFrames;
  readonly #channels: RedisSubscriptions;
  readonly #patterns: RedisSubscriptions;
  readonly #publishing: RedisConnection;
  readonly #subscribing: RedisConnection;
  #publisher: RedisClient | null = null;
  #listener: BackplaneListener | null = null;
  #pendingBytes = 0;
  /** null until there is something to tell. */
  #told: string | null | undefined;
  #lastRun = "";
  #lastNumber = -1;

  /** Throws INVALID_CONFIGURATION for what is no URL of a Redis. */
  constructor(options: RedisBackplaneOptions) {
    const { nodeId, url, timeoutMs, reconnectMs, clock, random } = options;
    const target = parseRedisUrl(url);
    if (target === null) throw new AppError("INVALID_CONFIGURATION", "redis.url has a wrong value");
    this.#options = options;
    this.#target = target;
    this.nodeId = nodeId;
    this.#frames = new NodeFrames(nodeId);
    const received = (bytes: Buffer, channel: Buffer) => this.#received(bytes, channel);
    const failed = (client: RedisClient, fault: unknown) =>
      this.#subscribing.fail(client, reasonOf(fault));
    this.#channels = new RedisSubscriptions({ commands: CHANNELS, received, failed });
    this.#patterns = new RedisSubscriptions({ commands: PATTERNS, received, failed });
    const endpoints = () =>
      new RedisEndpoints({ target, name: `parley:${nodeId}`, connectMs: timeoutMs });
    const [out, into] = [endpoints(), endpoints()];
    const common = { clock, random, timeoutMs, reconnectMs };
    this.#publishing = new RedisConnection({
      ...common,
      newClient: () => out.client("publishes"),
      prepare: (client) => out.check(client),
      probe: (client) => out.probe(client),
      ready: (client, isAgain) => {
        this.#publisher = client;
        this.#pendingBytes = 0;
        this.#ready(isAgain);
      },
      lost: (reason) => {
        this.#publisher = null;
        this.#lost(reason);
      },
    });
    this.#subscribing = new RedisConnection({
      ...common,
      newClient: () => into.client("subscribes"),
      prepare: async (client) => {
        await into.check(client);
        await this.#channels.restore(client);
        await this.#patterns.restore(client);
      },
      probe: (client) => into.probe(client),
      ready: (_, isAgain) => {
        this.#ready(isAgain);
        if (isAgain) this.#listener?.gap();
      },
      lost: (reason) => {
        this.#channels.lost();
        this.#patterns.lost();
        this.#lost(reason);
      },
    });
  }

  get isConnected(): boolean {
    return this.#publishing.isReady && this.#subscribing.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#listener = listener;
    this.#publishing.open();
    this.#subscribing.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const client = this.#publisher;
    const bytes = payload.length + PENDING_OVERHEAD_BYTES;
    if (client === null || this.#pendingBytes + bytes > this.#options.pendingBytes) {
      this.counts.dropped += 1;
      return;
    }
    this.#pendingBytes += bytes;
    const name = this.#options.prefix + channel;
    const settled = (isOut: boolean) => {
      if (this.#publisher === client) this.#pendingBytes -= bytes;
      if (isOut) this.counts.out += 1;
      else this.counts.dropped += 1;
    };
    // The client writes the commands of a turn together, at its end.
    client.sendCommand(["PUBLISH", name, this.#frames.encode(payload)]).then(
      () => settled(true),
      () => settled(false),
    );
  }

  subscribe(channel: string): void {
    this.#channels.add(this.#options.prefix + channel);
  }

  unsubscribe(channel: string): void {
    this.#channels.remove(this.#options.prefix + channel);
  }

  subscribePrefix(prefix: string): void {
    this.#patterns.add(patternOf(this.#options.prefix + prefix));
  }

  unsubscribePrefix(prefix: string): void {
    this.#patterns.remove(patternOf(this.#options.prefix + prefix));
  }

  async close(): Promise<void> {
    this.#listener = null;
    await Promise.all([this.#publishing.close(), this.#subscribing.close()]);
    this.#publisher = null;
  }

  #received(bytes: Buffer, channel: Buffer): void {
    if (this.#listener === null) return;
    const frame = decodeNodeFrame(bytes);
    if (frame === null) {
      this.counts.invalid += 1;
      return;
    }
    const { run, number, nodeId, payload } = frame;
    if (run === this.#frames.run) return;
    if (run === this.#lastRun && number === this.#lastNumber) return;
    this.#lastRun = run;
    this.#lastNumber = number;
    this.counts.in += 1;
    const name = channel.toString("utf8", this.#options.prefix.length);
    this.#listener.received(nodeId, name, payload);
  }

  #ready(isAgain: boolean): void {
    if (isAgain) this.counts.reconnects += 1;
    if (this.isConnected) this.#tell(null);
  }

  #lost(reason: string): void {
    this.#tell(this.#withoutSecrets(reason));
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

/** A pattern of Redis that stands for all that begins so. */
function patternOf(prefix: string): string {
  return `${prefix.replace(/[*?[\]^\\]/g, "\\$&")}*`;
}
