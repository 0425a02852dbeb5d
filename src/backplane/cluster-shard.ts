import type { RedisEndpoint, RedisTarget } from "../config/redis-url.ts";
import type { RedisCarrierOptions } from "./redis-carrier.ts";
import { newRedisClient, type RedisClient } from "./redis-client.ts";
import { RedisConnection, reasonOf } from "./redis-connection.ts";
import { RedisSubscriptions, sharded } from "./redis-subscriptions.ts";

export interface ClusterShardOptions extends Omit<RedisCarrierOptions, "events" | "prefix"> {
  readonly endpoint: RedisEndpoint;
  readonly received: (bytes: Buffer, channel: Buffer) => void;
  readonly confirmed: (name: string) => void;
  /** The channel is not, or no longer, this shard's. */
  readonly moved: (name: string) => void;
  readonly ready: (isAgain: boolean, isSubscribing: boolean) => void;
  readonly lost: (reason: string) => void;
}

/** The connections to one master of a Cluster, and what is subscribed to there. */
export class ClusterShard {
  readonly subscriptions: RedisSubscriptions;
  readonly #publishing: RedisConnection;
  readonly #subscribing: RedisConnection;
  #publisher: RedisClient | null = null;

  constructor(options: ClusterShardOptions) {
    const { target, name, endpoint, received, confirmed, moved, ready, lost, ...common } = options;
    const { timeoutMs } = common;
    const failed = (client: RedisClient, fault: unknown) =>
      this.#subscribing.fail(client, reasonOf(fault));
    const commands = sharded(moved);
    this.subscriptions = new RedisSubscriptions({ commands, received, confirmed, failed });
    const client = async (role: string) =>
      newRedisClient({
        ...accessOf(target),
        endpoint,
        name: `${name}:${role}`,
        connectMs: timeoutMs,
      });
    const probe = async (asked: RedisClient) => {
      await asked.sendCommand(["PING"]);
    };
    this.#publishing = new RedisConnection({
      ...{ ...common, probe, prepare: async () => {} },
      newClient: () => client("publishes"),
      ready: (publisher, isAgain) => {
        this.#publisher = publisher;
        ready(isAgain, false);
      },
      lost: (reason) => {
        this.#publisher = null;
        lost(reason);
      },
    });
    this.#subscribing = new RedisConnection({
      ...{ ...common, probe },
      newClient: async () => {
        const made = await client("subscribes");
        made.on("sharded-channel-moved", moved);
        return made;
      },
      prepare: (prepared) => this.subscriptions.restore(prepared),
      ready: (_, isAgain) => ready(isAgain, true),
      lost: (reason) => {
        this.subscriptions.lost();
        lost(reason);
      },
    });
  }

  /** null while it cannot be published here. */
  get publisher(): RedisClient | null {
    return this.#publisher;
  }

  get isReady(): boolean {
    return this.#publishing.isReady && this.#subscribing.isReady;
  }

  open(): void {
    this.#publishing.open();
    this.#subscribing.open();
  }

  async close(): Promise<void> {
    await Promise.all([this.#publishing.close(), this.#subscribing.close()]);
    this.#publisher = null;
  }
}

/** RESP3 says when a channel has moved. */
function accessOf({ isTls, username, password, database }: RedisTarget) {
  return { isTls, username, password, database, protocol: 3 } as const;
}
