import { LoadBalancer } from "../../../support/load-balancer.ts";
import { nodePort } from "../../../support/node-port.ts";
import { type ClusterScene, NODES, withCluster } from "../../cluster/cluster-scene.ts";
import { type Row, scaled } from "../../row.ts";

const MESSAGES_PER_SECOND = 120;
const DRAIN_MS = 500;
const APART_MS = 1_500;

export const rollingRestart: Row = {
  name: "rolling-restart",
  what: "one node after the other stopped (SIGTERM) and started again, behind the documented nginx",
  async run(context) {
    const rounds = scaled(context.scale, { full: 4, quick: 1, short: 1 });
    const ports = [await nodePort(), await nodePort(), await nodePort()];
    await using nginx = await LoadBalancer.start("nginx", { nodePorts: ports });
    const address = { host: "127.0.0.1", port: nginx.port, isBalancer: true };
    const options = {
      ...{ ports, entrance: { next: () => address } },
      env: { PARLEY_SHUTDOWN_DRAIN_MS: String(DRAIN_MS), PARLEY_PROXY_TRUSTED: "127.0.0.1" },
    };
    return await withCluster(context, options, async (scene) => {
      scene.beginTraffic(MESSAGES_PER_SECOND);
      for (let round = 0; round < rounds; round += 1) {
        for (let index = 0; index < NODES; index += 1) await restart(scene, index);
        context.progress(`all nodes restarted: ${round + 1}`);
      }
      return scene.close("SIGTERM", rounds * NODES);
    });
  },
};

async function restart(scene: ClusterScene, index: number): Promise<void> {
  const node = scene.node(index);
  const exitCode = await node.stop();
  scene.expect(exitCode === 0, `SIGTERM ended node ${index} with ${exitCode}`);
  await node.start();
  scene.spread(); // Or it would have nobody whom its next stop could hurt.
  await Bun.sleep(APART_MS);
  scene.expect(await scene.crowd.gathered(), "not all devices came back");
}
