import { NODES, withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 120;
const TRAVEL_EVERY_MS = 400;
const APART_MS = 2_000;

export const pause: Row = {
  name: "pause",
  what: "a node stopped (SIGSTOP) for 30 s in mid-load, while the others go on, and continued",
  run(context) {
    const rounds = scaled(context.scale, { full: 2, quick: 1, short: 1 });
    const pauseMs = scaled(context.scale, { full: 30_000, quick: 10_000, short: 6_000 });
    return withCluster(context, {}, async (scene) => {
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        await Bun.sleep(APART_MS);
        const { pid } = scene.node(round % NODES);
        const before = scene.confirmations;
        process.kill(pid, "SIGSTOP");
        await Bun.sleep(pauseMs);
        process.kill(pid, "SIGCONT");
        scene.expect(scene.confirmations > before, "nothing was confirmed by the other nodes");
        context.progress(`continued: ${round + 1}`);
      }
      return scene.close(`SIGSTOP for ${pauseMs / 1_000} s`, rounds);
    });
  },
};
