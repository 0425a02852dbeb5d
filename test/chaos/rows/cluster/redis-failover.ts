import type { RedisServer } from "../../../support/redis-server.ts";
import { WatchedRedis } from "../../../support/watched-redis.ts";
import { NODES, withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 120;
const TRAVEL_EVERY_MS = 300;
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 50;

export const redisFailover: Row = {
  name: "redis-failover",
  what: "the Redis master killed or hanging in mid-load, its replica promoted by a Sentinel, and the other one there again; messages are confirmed all the while",
  async run(context) {
    const rounds = scaled(context.scale, { full: 6, quick: 2, short: 1 });
    await using redis = await WatchedRedis.start();
    const services = { redis: redis.urlOf() };
    return await withCluster(context, { services }, async (scene) => {
      const { crowd } = scene;
      const { random, progress } = context;
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        await Bun.sleep(random.between(500, 1_500));
        const { master } = redis;
        const hangs = round % 2 === 1;
        if (hangs) master.pause();
        else await master.kill();
        const before = scene.confirmations;
        await redis.failedOver();
        const isAlive = () => scene.confirmations > before;
        scene.expect(
          await crowd.until(isAlive, PATIENCE_MS),
          "nothing was confirmed while Redis was away",
        );
        scene.expect(await allCome(redis.master), "not all nodes came to the new master");
        progress(`Redis ${hangs ? "hung" : "killed"}: ${round + 1}`);
        if (round === rounds - 1) break;
        if (hangs) master.resume();
        else await master.start();
        // Two take themselves for masters meanwhile.
        await Bun.sleep(random.between(0, 1_500));
        await redis.rejoin();
      }
      return scene.close("fail-overs", rounds);
    });
  },
};

/** False when a node does not in time. */
async function allCome(master: RedisServer): Promise<boolean> {
  const lateMs = performance.now() + PATIENCE_MS;
  while ((await nodesAt(master)).size < NODES) {
    if (performance.now() > lateMs) return false;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return true;
}

/** Of the nodes that are connected, what they call themselves there. */
async function nodesAt(master: RedisServer): Promise<Set<string | undefined>> {
  const list = await master.command("CLIENT", "LIST");
  return new Set([...list.matchAll(/ name=(parley:\S+):/g)].map(([, name]) => name));
}
