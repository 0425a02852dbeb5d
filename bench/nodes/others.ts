import { noFaults } from "../measurement.ts";
import type { InstallationTarget, NodesResult, OthersWork } from "./job.ts";
import { knownNodes } from "./node-api.ts";
import type { Phase } from "./samples.ts";
import { redisBackplane, SpokenNode } from "./spoken-node.ts";
import type { PhaseWork, UsageMeter } from "./usage.ts";

const POLL_MS = 50;
/** Nodes that are not known by then will not be. */
const PATIENCE_MS = 20_000;
/** So many times as many changes come before those that are measured: at their pace code stays cold. */
const WARM_UP_FACTOR = 8;
/** What a hello and its answers, and the last changes, take. */
const SETTLE_MS = 1_500;

/** A node beside more and more others, who beat, and whose users come and go. */
export async function runOthers(
  work: OthersWork,
  { nodes, apiKey, redis }: InstallationTarget,
  meter: UsageMeter,
): Promise<NodesResult> {
  const [node] = nodes;
  if (node === undefined || redis === null) throw new TypeError("Others speak by Redis");
  const faults = noFaults();
  const others: SpokenNode[] = [];
  const phases: Phase[] = [];
  const { seconds } = work;
  for (const size of work.others) {
    while (others.length < size) {
      others.push(new SpokenNode(redisBackplane(`other-${others.length}`, redis.port)));
    }
    await knows(node.port, apiKey, size + 1);
    await Bun.sleep(SETTLE_MS);
    await change(others, WARM_UP_FACTOR * work.changesPerSecond, seconds / 2);
    phases.push(
      await meter.measure({ work: "beats", size }, async () => {
        await Bun.sleep(seconds * 1_000);
        return { ...nothing, seconds, count: size };
      }),
    );
    phases.push(
      await meter.measure({ work: "changes", size }, () =>
        change(others, work.changesPerSecond, seconds),
      ),
    );
  }
  await Promise.all(others.map((other) => other.stop()));
  return { phases, faults };
}

const nothing = { deliveries: 0, repeated: 0, latencies: [], clientCpuSeconds: 0 };

/** On each of them somebody comes or goes, none at the time of another. */
async function change(
  others: readonly SpokenNode[],
  perSecond: number,
  seconds: number,
): Promise<PhaseWork> {
  const count = Math.round(perSecond * seconds);
  const startMs = performance.now();
  for (let made = 0; made < count; made += 1) {
    const waitMs = startMs + (made * 1_000) / perSecond - performance.now();
    if (waitMs > 0) await Bun.sleep(waitMs);
    const round = Math.floor(made / others.length);
    const userId = `visitor-${made % others.length}-${round >> 1}`;
    const other = others[made % others.length];
    if (round % 2 === 0) other?.comes(userId, userId);
    else other?.goes(userId);
  }
  await Bun.sleep(SETTLE_MS);
  return { ...nothing, seconds: (performance.now() - startMs) / 1_000, count };
}

/** Resolves when the node says that there are as many nodes. */
async function knows(port: number, apiKey: string, count: number): Promise<void> {
  const startMs = performance.now();
  for (let known = 0; known < count; ) {
    if (performance.now() - startMs > PATIENCE_MS) throw new Error(`It knows ${known} nodes`);
    known = await knownNodes(port, apiKey);
    if (known < count) await Bun.sleep(POLL_MS);
  }
}
