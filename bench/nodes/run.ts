import { join } from "node:path";
import type { Children } from "../children.ts";
import { pinnedTo } from "../machine.ts";
import { GRACE_MS } from "./crowd.ts";
import { Engines } from "./engines.ts";
import { type NodesJob, resultSchema } from "./job.ts";
import { measureOthersUsers } from "./others-users.ts";
import { NODES_ROUNDS, type NodesRun, othersUsersSteps, runsOfRound, runsOnce } from "./plan.ts";
import type { NodesReport, NodesSample } from "./samples.ts";

/** One waits for each flush of the disk; many share them. */
const COMMITTING_CLIENTS = [1, 32] as const;
const COMMITTING_SECONDS = 1.5;
const CLIENT = join(import.meta.dir, "client.ts");

/** Several nodes of the binary, with a PostgreSQL and a Redis of their own. */
export async function runNodes(quick: boolean, children: Children): Promise<NodesReport> {
  await using engines = await Engines.start(children);
  const commits: NodesReport["commits"] = [];
  for (const clients of COMMITTING_CLIENTS) {
    const perSecond = await engines.commitsPerSecond(clients, COMMITTING_SECONDS);
    commits.push({ clients, perSecond });
  }
  const samples: NodesSample[] = [];
  for (let round = 1; round <= (quick ? 1 : NODES_ROUNDS); round += 1) {
    const runs = round === 1 ? [...runsOfRound(quick), ...runsOnce(quick)] : runsOfRound(quick);
    for (const run of runs) samples.push(await runSample(run, round, engines, children));
  }
  const othersUsers = await measureOthersUsers(othersUsersSteps(quick), engines);
  return { ...(await engines.versions()), commits, samples, othersUsers };
}

async function runSample(
  run: NodesRun,
  round: number,
  engines: Engines,
  children: Children,
): Promise<NodesSample> {
  const { setup, nodes, placement, work } = run;
  console.log(`── round ${round}: ${JSON.stringify(run)}`);
  const settings = { PARLEY_PRESENCE_GRACE_MS: String(GRACE_MS) };
  await using installation = await engines.install(setup, nodes, settings);
  const job: NodesJob = { installation: installation.target, placement, work };
  let result: unknown;
  await children.run([...pinnedTo("client"), process.execPath, CLIENT, JSON.stringify(job)], {
    onResult: (message) => {
      result = message;
    },
  });
  const { phases, faults } = resultSchema.parse(result);
  const complaints = installation.nodes.flatMap((node) => node.complaints);
  return { round, setup, nodes, placement, phases, faults, complaints };
}
