import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";

const MESSAGES_PER_SECOND = 300;
const TOGETHER_MS = 1_500;
const PATIENCE_MS = 60_000;

/** With a second device for one user in three, four connections for three users. */
const PAIRS = { full: 1_875, quick: 375, short: 75 };

export const reconnect: Row = {
  name: "reconnect",
  what: "every connection lost at once by a SIGKILL, and all of them back at once",
  run(context) {
    const pairs = scaled(context.scale, PAIRS);
    const times = scaled(context.scale, { full: 3, quick: 1, short: 1 });
    return withScene(context, { pairs, groups: 40, groupMembers: 10 }, async (scene) => {
      const { crowd } = scene;
      const backMs: number[] = [];
      crowd.beginTraffic(MESSAGES_PER_SECOND);
      for (let time = 0; time < times; time += 1) {
        await Bun.sleep(TOGETHER_MS);
        await scene.kill();
        await scene.restart();
        const startMs = performance.now();
        scene.expect(await crowd.gathered(PATIENCE_MS), "not all devices came back");
        backMs.push(performance.now() - startMs);
        context.progress(`all back after ${Math.round(backMs.at(-1) ?? 0)} ms`);
      }
      const { length } = crowd.devices;
      const durations = backMs.map((ms) => `${(ms / 1_000).toFixed(1)} s`).join(", ");
      scene.note(
        `${length.toLocaleString("en")} connections were back and caught up in ${durations}`,
      );
      return scene.close("mass reconnects", times);
    });
  },
};
