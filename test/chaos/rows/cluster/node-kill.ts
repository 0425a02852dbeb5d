import { NODES, withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 150;
const TRAVEL_EVERY_MS = 150;

export const nodeKill: Row = {
  name: "node-kill",
  what: "SIGKILL of one node after the other in mid-load, and started again",
  run(context) {
    const rounds = scaled(context.scale, { full: 18, quick: 6, short: 3 });
    return withCluster(context, {}, async (scene) => {
      const { random } = context;
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        const node = scene.node(round % NODES);
        await Bun.sleep(random.between(200, 1_000));
        await node.kill();
        // Sometimes before its clients are anywhere else.
        if (random.chance(2 / 3)) await scene.crowd.gathered();
        await node.start();
        scene.spread();
        context.progress(`node ${round % NODES} killed`);
      }
      return scene.close("SIGKILL", rounds);
    });
  },
};
