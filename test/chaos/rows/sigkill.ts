import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";

const MESSAGES_PER_SECOND = 500;

/** A kill at every moment of a commit, a start, a resume. */
export const sigkill: Row = {
  name: "sigkill",
  what: "SIGKILL in mid-load, and started again",
  run(context) {
    const rounds = scaled(context.scale, { full: 200, quick: 25, short: 15 });
    return withScene(context, {}, async (scene) => {
      const {
        crowd,
        context: { random },
      } = scene;
      crowd.beginTraffic(MESSAGES_PER_SECOND);
      for (let round = 0; round < rounds; round += 1) {
        // Often before all are back: a resume is cut short as well.
        if (random.chance(2 / 3)) await crowd.gathered();
        await Bun.sleep(random.between(5, 200));
        await scene.kill();
        await scene.restart();
        if (round % 25 === 24) context.progress(`${round + 1} kills`);
      }
      return scene.close("SIGKILL", rounds);
    });
  },
};
