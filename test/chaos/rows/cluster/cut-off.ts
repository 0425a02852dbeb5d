import { NODES, withCluster } from "../../cluster/cluster-scene.ts";
import { PrivateNetwork, type Way } from "../../faults/private-network.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 120;
const TRAVEL_EVERY_MS = 400;
const CUT_MS = 7_000;
const APART_MS = 2_500;

/** What is pulled out, in turn: clients stay with a node that reaches nothing, or lose it too. */
const CUTS: readonly (readonly Way[])[] = [["backEnds"], ["clients", "backEnds"], ["clients"]];

export const cutOff: Row = {
  name: "cut-off",
  what: "a node cut off from Redis and PostgreSQL, from its clients, and from all of them",
  async run(context) {
    const obstacle = PrivateNetwork.obstacle();
    if (obstacle !== null) return { skipped: obstacle };
    const rounds = scaled(context.scale, { full: 5, quick: 2, short: 1 });
    using network = PrivateNetwork.open();
    return await withCluster(context, { network }, async (scene) => {
      scene.beginTraffic(MESSAGES_PER_SECOND);
      scene.beginTravels(TRAVEL_EVERY_MS);
      for (let round = 0; round < rounds; round += 1) {
        await Bun.sleep(APART_MS);
        const ways = CUTS[round % CUTS.length] ?? [];
        const before = scene.confirmations;
        for (const way of ways) network.cut(way);
        await Bun.sleep(CUT_MS);
        for (const way of ways) network.heal(way);
        scene.expect(scene.confirmations > before, "nothing was confirmed by the other nodes");
        context.progress(`cut off from ${ways.join(" and ")}: ${round + 1}`);
      }
      const answer = await scene.node(NODES - 1).health();
      scene.expect(answer !== null, "the node that was cut off does not answer");
      return scene.close("cuts", rounds);
    });
  },
};
