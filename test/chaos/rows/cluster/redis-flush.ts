import { withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 150;
const TRAVEL_EVERY_MS = 300;

export const redisFlush: Row = {
  name: "redis-flush",
  what: "FLUSHALL of Redis in mid-load, its clients' connections cut as well every other time",
  run(context) {
    const rounds = scaled(context.scale, { full: 20, quick: 6, short: 2 });
    return withCluster(context, {}, async (scene) => {
      const { redis } = scene.services;
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        await Bun.sleep(context.random.between(300, 1_200));
        const answer = await redis.command("FLUSHALL");
        scene.expect(answer === "OK", `FLUSHALL was answered ${answer}`);
        if (round % 2 === 0) continue;
        for (const type of ["normal", "pubsub"])
          await redis.command("CLIENT", "KILL", "TYPE", type);
      }
      return scene.close("FLUSHALL", rounds);
    });
  },
};
