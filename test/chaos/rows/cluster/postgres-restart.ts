import { withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 150;
const TRAVEL_EVERY_MS = 300;
const PATIENCE_MS = 30_000;

export const postgresRestart: Row = {
  name: "postgres-restart",
  what: "PostgreSQL stopped in mid-load, fast or immediately, and started again",
  run(context) {
    const rounds = scaled(context.scale, { full: 8, quick: 2, short: 1 });
    return withCluster(context, {}, async (scene) => {
      const { crowd, services } = scene;
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        await Bun.sleep(context.random.between(500, 1_500));
        const how = round % 2 === 0 ? "fast" : "immediate";
        services.postgres.stop(how);
        await Bun.sleep(context.random.between(0, 1_500));
        await services.postgres.restart();
        const before = scene.confirmations;
        scene.expect(
          await crowd.until(() => scene.confirmations > before, PATIENCE_MS),
          "nothing was confirmed afterwards",
        );
        context.progress(`restarted, ${how}: ${round + 1}`);
      }
      return scene.close("restarts", rounds);
    });
  },
};
