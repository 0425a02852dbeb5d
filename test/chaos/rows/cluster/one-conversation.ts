import { withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 200;

export const oneConversation: Row = {
  name: "one-conversation",
  what: "two groups, in which everybody writes at once from every node",
  run(context) {
    const seconds = scaled(context.scale, { full: 20, quick: 5, short: 2 });
    const size = { pairs: 9, groups: 2, groupMembers: 18 };
    return withCluster(context, size, async (scene) => {
      const { crowd, world } = scene;
      const groupIds = new Set(world.groups.map(({ id }) => id));
      crowd.beginTraffic(MESSAGES_PER_SECOND, () => crowd.writeOne((id) => groupIds.has(id)));
      await Bun.sleep(seconds * 1_000);
      const counts = scene.nodes.map(
        ({ address }) => crowd.devices.filter((each) => each.address?.port === address.port).length,
      );
      scene.note(`devices on the nodes: ${counts.join(", ")}`);
      scene.expect(!counts.includes(0), "a node had no devices");
      const outcome = await scene.close("messages written at once", 0);
      return { ...outcome, times: outcome.confirmed };
    });
  },
};
