import { RedisBackplane } from "../../src/backplane/redis.ts";
import type { Backplane } from "../../src/broker/backplane.ts";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import { PresenceElsewhere, type PresentUser } from "../../src/chat/presence-elsewhere.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { Cluster } from "../../src/nodes/cluster.ts";

/** As nodes have them unless told otherwise. */
const REDIS = { prefix: "parley:", timeoutMs: 5_000, reconnectMs: 5_000 };
const PENDING_BYTES = 16 * 2 ** 20;
const TTL_MS = 300_000;
const GRACE_MS = 500;

/**
 * A node that has no connections, and tells the others of users all the same: what they keep and do
 * for these is what they keep and do for users of any other node.
 */
export class SpokenNode {
  readonly #backplane: Backplane;
  readonly #clock: Clock;
  readonly #cluster: Cluster;
  readonly #elsewhere: PresenceElsewhere;
  readonly #users = new Map<string, PresentUser>();
  #changed: (userId: string, leftMs: number) => void = () => {};

  /** Begins to beat when others are reached. @param backplane not yet started */
  constructor(backplane: Backplane, clock: Clock = systemClock) {
    this.#backplane = backplane;
    this.#clock = clock;
    const channels = new NodeChannels(backplane, () => {});
    const users = this.#users;
    // What others say is heard as by any node.
    this.#elsewhere = new PresenceElsewhere({
      ...{ here: { wordOf: () => null, adopt: () => {} }, clock, graceMs: GRACE_MS },
      tell: () => {},
    });
    this.#cluster = new Cluster({
      ...{ channels, clock, run: crypto.randomUUID(), ttlMs: TTL_MS, log: silentLog },
      self: {
        ...{ version: "bench", startedMs: clock.now() },
        connections: () => users.size,
        users: () => users.size,
        isLeader: () => false,
        settings: new Map(),
      },
      presence: {
        share: (onHere) => {
          this.#changed = onHere;
          return this.#elsewhere;
        },
        here: (userId) => users.get(userId) ?? null,
        allHere: () => users.values(),
      },
      onDeath: () => {},
    });
    channels.start();
    this.#cluster.start();
  }

  /** A user of this node, from now on. */
  comes(userId: string, name: string): void {
    this.#users.set(userId, { userId, name, status: "ONLINE", saidMs: 0 });
    this.#changed(userId, 0);
  }

  goes(userId: string): void {
    this.#users.delete(userId);
    this.#changed(userId, this.#clock.now());
  }

  /** Says goodbye. */
  async stop(): Promise<void> {
    this.#cluster.stop();
    this.#elsewhere.stop();
    await this.#backplane.close();
  }
}

/** As the nodes of the bench have one. */
export function redisBackplane(nodeId: string, port: number): Backplane {
  return new RedisBackplane({
    ...{ ...REDIS, nodeId, url: `redis://127.0.0.1:${port}`, pendingBytes: PENDING_BYTES },
    ...{ clock: systemClock, random: Math.random },
  });
}
