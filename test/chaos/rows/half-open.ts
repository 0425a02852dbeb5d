import { join } from "node:path";
import type { DeafCommand } from "../faults/deaf-peers.ts";
import { Helper } from "../faults/helper.ts";
import { type Row, scaled } from "../row.ts";
import { type Scene, withScene } from "../scene.ts";

const DEAF_PEERS = join(import.meta.dir, "../faults/deaf-peers.ts");
const MESSAGES_PER_SECOND = 200;
const BLOCKED_MS = 2_000;
const HEART_BEAT_MS = 1_000;
const PATIENCE_MS = 15_000;

/** For each one that vanished: more than the kernel takes, and less than a send buffer. */
const MESSAGES_EACH = 12;
const MESSAGE_LENGTH = 16_000;

/** What ends a connection whose peer has vanished: the heart-beats it promised, or its full buffer. */
const WAYS = [
  { heartBeat: `${HEART_BEAT_MS},0`, floods: false },
  { heartBeat: "0,0", floods: true },
] as const;

export const halfOpen: Row = {
  name: "half-open",
  what: "peers that vanish without a word, their connections left open",
  run(context) {
    const absent = scaled(context.scale, { full: 40, quick: 15, short: 5 });
    const rounds = scaled(context.scale, { full: 4, quick: 2, short: 2 });
    const server = {
      env: {
        PARLEY_LIMITS_BLOCKED_MS: String(BLOCKED_MS),
        PARLEY_HEARTBEAT_RECEIVE_MS: String(HEART_BEAT_MS),
      },
    };
    return withScene(context, { absent, server }, async (scene) => {
      const { crowd } = scene;
      const deaf = await Helper.start<DeafCommand>(DEAF_PEERS);
      try {
        crowd.beginTraffic(MESSAGES_PER_SECOND);
        for (let round = 0; round < rounds; round += 1) {
          for (const way of WAYS.slice(round % 2, (round % 2) + 1)) await vanish(scene, deaf, way);
          context.progress(`vanished and closed: ${round + 1}`);
        }
      } finally {
        await deaf.end();
      }
      for (const device of crowd.absent) device.start();
      return scene.close("vanished peers", rounds * absent);
    });
  },
};

async function vanish(
  scene: Scene,
  deaf: Helper<DeafCommand>,
  { heartBeat, floods }: (typeof WAYS)[number],
): Promise<void> {
  const { crowd, world, server } = scene;
  const { port } = server.process;
  const userIds = [...world.absentIds];
  const before = await scene.connections();
  await deaf.ask({ port, userIds, heartBeat, sync: null });
  scene.expect(
    await scene.untilConnections(before + userIds.length, PATIENCE_MS),
    "not all who vanish had been there",
  );
  for (let sent = 0; floods && sent < MESSAGES_EACH; sent += 1) {
    for (const conversation of world.withAbsent) crowd.writeTo(conversation, MESSAGE_LENGTH);
    await crowd.until(() => crowd.unconfirmed < userIds.length, PATIENCE_MS);
  }
  const by = floods ? "limits.blocked_ms" : "heart-beats";
  scene.expect(
    await scene.untilConnections(before, PATIENCE_MS),
    `who had vanished was not found out by ${by}`,
  );
  await deaf.ask("hang up");
}
