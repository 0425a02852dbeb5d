import { BEARS_FILE_LIMITS, limitFiles } from "../faults/file-size-limit.ts";
import { suffer } from "../faults/outage.ts";
import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";

const MESSAGES_PER_SECOND = 200;
const BROKEN_FOR_MS = 1_000;
/** Less than the first page of the log: no write at all succeeds. */
const MOST_BYTES = 4_096;

export const ioErrors: Row = {
  name: "io-errors",
  what: "every write to a file fails, several times",
  async run(context) {
    if (Bun.which("prlimit") === null) return { skipped: "prlimit is not installed" };
    const times = scaled(context.scale, { full: 6, quick: 2, short: 1 });
    const server = { prefix: BEARS_FILE_LIMITS };
    return withScene(context, { server }, async (scene) => {
      scene.crowd.beginTraffic(MESSAGES_PER_SECOND);
      for (let time = 0; time < times; time += 1) {
        await Bun.sleep(context.random.between(200, 700));
        await suffer(scene, {
          begin: async () => limitFiles(scene.server.pid, context.random.below(MOST_BYTES)),
          end: async () => limitFiles(scene.server.pid, null),
          isTotal: true,
          holdMs: BROKEN_FOR_MS,
        });
        context.progress(`broken and mended: ${time + 1}`);
      }
      return scene.close("I/O errors", times);
    });
  },
};
