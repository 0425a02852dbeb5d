import { withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 150;
const TRAVEL_EVERY_MS = 300;
const PATIENCE_MS = 20_000;

/** Every other time it hangs for so long, with all of its connections open. */
const AWAY_MS = [500, 3_500] as const;

export const redisKill: Row = {
  name: "redis-kill",
  what: "Redis killed or hanging in mid-load, and there again; messages are confirmed all the while",
  run(context) {
    const rounds = scaled(context.scale, { full: 8, quick: 3, short: 1 });
    return withCluster(context, {}, async (scene) => {
      const { crowd, services } = scene;
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        await Bun.sleep(context.random.between(500, 1_500));
        const hangs = round % 2 === 1;
        if (hangs) services.redis.pause();
        else await services.redis.kill();
        const before = scene.confirmations;
        await Bun.sleep(context.random.between(...AWAY_MS));
        const isAlive = () => scene.confirmations > before;
        scene.expect(
          await crowd.until(isAlive, PATIENCE_MS),
          "nothing was confirmed while Redis was away",
        );
        if (hangs) services.redis.resume();
        else await services.redis.start();
        context.progress(`Redis ${hangs ? "hung" : "killed"}: ${round + 1}`);
      }
      return scene.close("losses of Redis", rounds);
    });
  },
};
