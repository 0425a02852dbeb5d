import { type Row, scaled } from "../row.ts";
import { withScene } from "../scene.ts";

const MESSAGES_PER_SECOND = 400;
const RECONNECT_SPREAD_MS = 200;

export const restart: Row = {
  name: "restart",
  what: "SIGTERM in mid-load, and started again",
  run(context) {
    const rounds = scaled(context.scale, { full: 40, quick: 6, short: 2 });
    const server = { env: { PARLEY_SHUTDOWN_RECONNECT_SPREAD_MS: String(RECONNECT_SPREAD_MS) } };
    return withScene(context, { server }, async (scene) => {
      const { crowd } = scene;
      crowd.beginTraffic(MESSAGES_PER_SECOND);
      for (let round = 0; round < rounds; round += 1) {
        await crowd.gathered();
        await Bun.sleep(context.random.between(20, 200));
        const connected = crowd.connected;
        const told = crowd.goodbyes;
        const exitCode = await scene.server.stop();
        scene.expect(exitCode === 0, `SIGTERM ended the server with ${exitCode}`);
        const everybody = () => crowd.goodbyes - told >= connected;
        scene.expect(
          await crowd.until(everybody, 1_000),
          `${crowd.goodbyes - told} of ${connected} clients were told that the server leaves`,
        );
        await scene.restart();
      }
      return scene.close("SIGTERM", rounds);
    });
  },
};
