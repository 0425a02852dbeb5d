import { type ClusterScene, withCluster } from "../../cluster/cluster-scene.ts";
import { contentOf, digestOf } from "../../load/content.ts";
import type { Device } from "../../load/device.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 60;
const PAUSE_MS = 4;
const WINDOW = 50;
const PATIENCE_MS = 20_000;

export const sameId: Row = {
  name: "same-id",
  what: "the same clientMessageId sent to two nodes at once",
  run(context) {
    const times = scaled(context.scale, { full: 3_000, quick: 600, short: 200 });
    return withCluster(context, {}, async (scene) => {
      const { random } = context;
      const twins = twinsOf(scene);
      scene.expect(twins.length > 0, "no user has devices on two nodes");
      scene.beginTraffic(MESSAGES_PER_SECOND);
      for (let time = 0; time < times; time += 1) {
        sayTwice(scene, random.pick(twins), `both-${time}`);
        if (time % WINDOW === 0) {
          await scene.crowd.until(() => scene.crowd.unconfirmed < WINDOW, PATIENCE_MS);
        }
        if (random.chance(1 / 2)) await Bun.sleep(PAUSE_MS);
      }
      return scene.close("sent twice", times);
    });
  },
};

type Twins = readonly [Device, Device];

/** Two devices of one user, each on a node of its own. */
function twinsOf({ crowd }: ClusterScene): Twins[] {
  const byUser = Map.groupBy(crowd.devices, ({ identity }) => identity.userId);
  return [...byUser.values()].flatMap(([one, other]): Twins[] => {
    const areApart = other !== undefined && one?.address?.port !== other.address?.port;
    return one !== undefined && areApart ? [[one, other]] : [];
  });
}

/** In one turn: which of them comes first is for the nodes, and their database, to find out. */
function sayTwice(
  { world, context: { random } }: ClusterScene,
  twins: Twins,
  clientMessageId: string,
): void {
  const conversationId = random.pick(world.livelyOf(twins[0].identity.userId)).id;
  const content = contentOf(clientMessageId, random);
  const message = { conversationId, clientMessageId, content, digest: digestOf(content) };
  for (const device of random.chance(1 / 2) ? twins : twins.toReversed()) device.say(message);
}
