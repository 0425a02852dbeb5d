import type { RedisCarrier, RedisCarrierOptions } from "./redis-carrier.ts";
import type { RedisClient } from "./redis-client.ts";
import { RedisConnection, reasonOf } from "./redis-connection.ts";
import { RedisEndpoints } from "./redis-endpoints.ts";
import { CHANNELS, PATTERNS, RedisSubscriptions } from "./redis-subscriptions.ts";

/**
 * By one server, whichever the Sentinels say it is: a connection for what goes out, and one for what
 * comes in. Each heals without the other. A prefix is a pattern of Redis; what a channel and patterns
 * cover at once comes several times, one right after the other.
 */
export class RedisServerCarrier implements RedisCarrier {
  readonly #prefix: string;
  readonly #channels: RedisSubscriptions;
  readonly #patterns: RedisSubscriptions;
  readonly #publishing: RedisConnection;
  readonly #subscribing: RedisConnection;
  #publisher: RedisClient | null = null;

  constructor(options: RedisCarrierOptions) {
    const { target, name, prefix, events, ...connecting } = options;
    this.#prefix = prefix;
    const received = (bytes: Buffer, channel: Buffer) =>
      events.received(channel.toString("utf8", prefix.length), bytes);
    const failed = (client: RedisClient, fault: unknown) =>
      this.#subscribing.fail(client, reasonOf(fault));
    const common = { received, failed };
    this.#channels = new RedisSubscriptions({
      ...{ ...common, commands: CHANNELS },
      confirmed: (channel) => events.subscribed(channel.slice(prefix.length)),
    });
    this.#patterns = new RedisSubscriptions({ ...common, commands: PATTERNS, confirmed() {} });
    const { timeoutMs: connectMs, clock } = connecting;
    const endpoints = () => new RedisEndpoints({ target, name, connectMs, clock });
    const [out, into] = [endpoints(), endpoints()];
    this.#publishing = new RedisConnection({
      ...connecting,
      newClient: () => out.client("publishes"),
      prepare: (client) => out.check(client),
      probe: (client) => out.probe(client),
      ready: (client, isAgain) => {
        this.#publisher = client;
        events.ready(isAgain);
      },
      lost: (reason) => {
        this.#publisher = null;
        events.lost(reason);
      },
    });
    this.#subscribing = new RedisConnection({
      ...connecting,
      newClient: () => into.client("subscribes"),
      prepare: async (client) => {
        await into.check(client);
        await this.#channels.restore(client);
        await this.#patterns.restore(client);
      },
      probe: (client) => into.probe(client),
      ready: (_, isAgain) => {
        events.ready(isAgain);
        if (isAgain) events.gap();
      },
      lost: (reason) => {
        this.#channels.lost();
        this.#patterns.lost();
        events.lost(reason);
      },
    });
  }

  get isReady(): boolean {
    return this.#publishing.isReady && this.#subscribing.isReady;
  }

  open(): void {
    this.#publishing.open();
    this.#subscribing.open();
  }

  publish(channel: string, bytes: Buffer, settled: (isOut: boolean) => void): boolean {
    if (this.#publisher === null) return false;
    this.#publisher.sendCommand(["PUBLISH", this.#prefix + channel, bytes]).then(
      () => settled(true),
      () => settled(false),
    );
    return true;
  }

  add(channel: string): void {
    this.#channels.add(this.#prefix + channel);
  }

  remove(channel: string): void {
    this.#channels.remove(this.#prefix + channel);
  }

  addPrefix(prefix: string): void {
    this.#patterns.add(patternOf(this.#prefix + prefix));
  }

  removePrefix(prefix: string): void {
    this.#patterns.remove(patternOf(this.#prefix + prefix));
  }

  async close(): Promise<void> {
    await Promise.all([this.#publishing.close(), this.#subscribing.close()]);
    this.#publisher = null;
  }
}

/** A pattern of Redis that stands for all that begins so. */
function patternOf(prefix: string): string {
  return `${prefix.replace(/[*?[\]^\\]/g, "\\$&")}*`;
}
