import { join } from "node:path";
import { Helper } from "../faults/helper.ts";
import type { LockCommand } from "../faults/hold-lock.ts";
import { suffer } from "../faults/outage.ts";
import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";

const LOCK_HOLDER = join(import.meta.dir, "../faults/hold-lock.ts");
const MESSAGES_PER_SECOND = 200;
/** Beyond the moment at which the server gives up waiting for the lock. */
const HELD_FOR_MS = 1_000;

export const locked: Row = {
  name: "locked",
  what: "another program holds the database's write lock for longer than the server waits",
  run(context) {
    const times = scaled(context.scale, { full: 3, quick: 1, short: 1 });
    return withScene(context, {}, async (scene) => {
      const database = join(scene.server.dataDir, "parley.db");
      const holder = await Helper.start<LockCommand>(LOCK_HOLDER, database);
      const ask = async (command: LockCommand) => void (await holder.ask(command));
      try {
        scene.crowd.beginTraffic(MESSAGES_PER_SECOND);
        for (let time = 0; time < times; time += 1) {
          await Bun.sleep(context.random.between(200, 700));
          await suffer(scene, {
            begin: () => ask("take"),
            end: () => ask("leave"),
            isTotal: true,
            holdMs: HELD_FOR_MS,
          });
          context.progress(`held and left: ${time + 1}`);
        }
        return await scene.close("locks", times);
      } finally {
        await holder.end();
      }
    });
  },
};
