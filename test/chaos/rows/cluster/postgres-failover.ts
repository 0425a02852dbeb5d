import { PostgresServer } from "../../../support/postgres-server.ts";
import { withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, type RowContext, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 120;
const TRAVEL_EVERY_MS = 300;
const PATIENCE_MS = 30_000;

/** So long nobody takes writes, before the standby is promoted. */
const HEADLESS_MS = [0, 2_000] as const;

export const postgresFailover: Row = {
  name: "postgres-failover",
  what: "the primary PostgreSQL killed in mid-load and its synchronous standby promoted, which the other one follows from then on, and the same again",
  async run(context) {
    const rounds = scaled(context.scale, { full: 6, quick: 2, short: 1 });
    await using one = await PostgresServer.start({ fsync: true });
    await using other = await one.standby();
    const services = { database: one.urlWith(other) };
    return await withCluster(context, { services }, async (scene) => {
      const { crowd } = scene;
      const { random, progress } = context;
      let [primary, standby] = [one, other];
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        if (round > 0) {
          if (random.chance(1 / 2)) await returnUnaware(standby, context);
          await standby.follow(primary);
        }
        await Bun.sleep(random.between(500, 1_500));
        primary.kill();
        await Bun.sleep(random.between(...HEADLESS_MS));
        await standby.promote();
        const before = scene.confirmations;
        scene.expect(
          await crowd.until(() => scene.confirmations > before, PATIENCE_MS),
          "nothing was confirmed afterwards",
        );
        [primary, standby] = [standby, primary];
        progress(`promoted: ${round + 1}`);
      }
      return scene.close("fail-overs", rounds);
    });
  },
};

/** It comes back without having heard that another one took its place, until somebody sees it. */
async function returnUnaware(server: PostgresServer, { random }: RowContext): Promise<void> {
  await server.restart();
  await Bun.sleep(random.between(0, 1_000));
  server.kill();
}
