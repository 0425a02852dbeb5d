import { type ClockedServer, launchClocked } from "../faults/clocked-server.ts";
import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";
import type { LaunchOptions } from "../server.ts";

const MESSAGES_PER_SECOND = 200;
/** Short, so that a jump would be taken for a long silence at once. */
const HEART_BEAT_MS = 1_000;
const HOUR_MS = 3_600_000;
const OFFSETS_MS = [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, 0, -24 * HOUR_MS, HOUR_MS];

export const clock: Row = {
  name: "clock",
  what: "the server's wall clock moved by hours, forwards and back",
  run(context) {
    const moves = scaled(context.scale, { full: 12, quick: 4, short: 2 });
    let running: ClockedServer | null = null;
    const launch = async (options: LaunchOptions) => {
      running = await launchClocked(options);
      return running;
    };
    const env = { PARLEY_HEARTBEAT_RECEIVE_MS: String(HEART_BEAT_MS) };
    const options = { server: { launch, env }, heartBeatMs: HEART_BEAT_MS };
    return withScene(context, options, async (scene) => {
      const { crowd } = scene;
      crowd.beginTraffic(MESSAGES_PER_SECOND);
      const connects = () => crowd.devices.reduce((sum, device) => sum + device.connects, 0);
      const before = connects();
      for (let move = 0; move < moves; move += 1) {
        await Bun.sleep(context.random.between(300, 1_200));
        await running?.setClock(OFFSETS_MS[move % OFFSETS_MS.length] ?? 0);
      }
      await Bun.sleep(3 * HEART_BEAT_MS);
      scene.expect(connects() === before, `${connects() - before} connections were lost`);
      return scene.close("clock moves", moves);
    });
  },
};
