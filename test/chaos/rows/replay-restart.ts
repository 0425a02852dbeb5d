import { type Row, scaled } from "../row.ts";
import { type Scene, withScene } from "../scene.ts";

/** Larger than what the kernel keeps for a connection: a kill meets a replay under way. */
const MESSAGE_BYTES = 4_000;
const UNDER_WAY = 60;
const SHORTEST_PART = 1 / 40;
const LONGEST_PART = 1 / 8;

export const replayRestart: Row = {
  name: "replay-restart",
  what: "SIGKILL in the middle of a long replay, until it is through",
  run(context) {
    const messages = scaled(context.scale, { full: 6_000, quick: 2_000, short: 1_000 });
    return withScene(context, { pairs: 4, groups: 4 }, async (scene) => {
      const late = await writeBacklog(scene, messages);
      const { crowd } = scene;
      let kills = 0;
      for (const device of late) device.start();
      while (!late.every((device) => device.isCaughtUp && crowd.hasAll(device))) {
        const part = context.random.between(
          Math.ceil(messages * SHORTEST_PART),
          Math.ceil(messages * LONGEST_PART),
        );
        if (!(await killAfter(scene, late, part))) break;
        kills += 1;
        await scene.restart();
      }
      scene.expect(kills > 2, `the replay was through after ${kills} kills`);
      return scene.close("SIGKILL", kills);
    });
  },
};

type Devices = Scene["crowd"]["devices"];

/** One user is away while all others write where that user reads. */
async function writeBacklog(scene: Scene, messages: number): Promise<Devices> {
  const { crowd, world } = scene;
  const [userId = ""] = world.groups[0]?.memberIds ?? [];
  const late = crowd.devices.filter(({ identity }) => identity.userId === userId);
  await Promise.all(late.map((device) => device.stop()));
  const conversations = world.conversationsOf(userId);
  const writers = crowd.devices.filter((device) => !late.includes(device));
  for (let written = 0; written < messages; written += 1) {
    const conversation = scene.context.random.pick(conversations);
    const mayWrite = writers.filter(({ identity }) =>
      conversation.memberIds.includes(identity.userId),
    );
    scene.context.random.pick(mayWrite).write(conversation.id, MESSAGE_BYTES);
    if (written % UNDER_WAY === 0) await crowd.until(() => crowd.unconfirmed < UNDER_WAY, 10_000);
  }
  scene.expect(
    await crowd.until(() => crowd.unconfirmed === 0, 20_000),
    "the backlog was not confirmed",
  );
  scene.note(
    `${messages} messages of ${MESSAGE_BYTES} bytes in ${conversations.length} conversations for each device, of which there were ${late.length}`,
  );
  return late;
}

/** SIGKILL when the devices have got so many more; false when they have it all before. */
async function killAfter(scene: Scene, devices: Devices, messages: number): Promise<boolean> {
  const { crowd, server } = scene;
  const enough = Promise.withResolvers<true>();
  let left = messages;
  for (const device of devices) {
    device.onReceipt = () => {
      left -= 1;
      if (left === 0) enough.resolve(true);
    };
  }
  const hasAll = () => devices.every((device) => device.isCaughtUp && crowd.hasAll(device));
  const through = crowd.until(hasAll, 20_000).then(() => false);
  const isUnderWay = await Promise.race([enough.promise, through]);
  for (const device of devices) device.onReceipt = () => undefined;
  if (isUnderWay) await server.kill();
  return isUnderWay;
}
