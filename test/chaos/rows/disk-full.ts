import { join } from "node:path";
import { suffer } from "../faults/outage.ts";
import { SmallDisk } from "../faults/small-disk.ts";
import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";

const MESSAGES_PER_SECOND = 200;
const DISK_MEBIBYTES = 64;
const FULL_FOR_MS = 1_000;

export const diskFull: Row = {
  name: "disk-full",
  what: "not a byte left on the disk, several times",
  async run(context) {
    const times = scaled(context.scale, { full: 5, quick: 2, short: 1 });
    const disk = SmallDisk.mount(join(context.folder, "disk"), DISK_MEBIBYTES);
    if ("refusal" in disk) return { skipped: disk.refusal };
    try {
      return await withScene(context, { dataDir: join(disk.path, "data") }, async (scene) => {
        scene.crowd.beginTraffic(MESSAGES_PER_SECOND);
        for (let time = 0; time < times; time += 1) {
          await Bun.sleep(context.random.between(200, 700));
          await suffer(scene, {
            begin: async () => disk.fill(),
            end: async () => disk.empty(),
            isTotal: false, // What fits into the log's file as it is can still be written.
            holdMs: FULL_FOR_MS,
          });
          context.progress(`full and empty again: ${time + 1}`);
        }
        return scene.close("full disks", times);
      });
    } finally {
      disk.unmount();
    }
  },
};
