/**
 * `bun bench/peers.ts`: other servers at the same work as Parley, on the same core, with the same
 * client. Prints a Markdown table; see peers/README.md.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Children } from "./children.ts";
import { ROOT, thisMachine } from "./machine.ts";
import { PEERS } from "./peers/all.ts";
import type { Peer } from "./peers/peer.ts";
import { type PeerSample, runRound } from "./peers/run.ts";
import { renderPeers } from "./peers/table.ts";

const RESULTS = join(ROOT, "bench/results/peers.json");

const NAMES = PEERS.map(({ name }) => name).join(", ");

const HELP = `bun bench/peers.ts [--quick] [--rounds N] [--only NAME,…]

  --quick        shorter
  --rounds N     peers by turns, so often; 1 without it
  --only NAMES   some of ${NAMES}
  --help         this`;

interface Flags {
  readonly quick: boolean;
  readonly rounds: number;
  readonly peers: readonly Peer[];
}

function readFlags(args: string[]): Flags {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string", default: "1" },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit();
  }
  const { quick, only } = values;
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) refuse(`${values.rounds} is no number of rounds.`);
  const peers = only === undefined ? PEERS : only.split(",").map(peerNamed);
  return { quick, rounds, peers };
}

function peerNamed(name: string): Peer {
  return PEERS.find((peer) => peer.name === name) ?? refuse(`There is no peer ${name}.`);
}

function refuse(reason: string): never {
  console.error(`${reason}\n\n${HELP}`);
  process.exit(2);
}

async function main(children: Children): Promise<void> {
  const { quick, rounds, peers } = readFlags(process.argv.slice(2));
  const endEarly = (exitCode: number) => void children.endAll().then(() => process.exit(exitCode));
  process.on("SIGINT", () => endEarly(130));
  process.on("SIGTERM", () => endEarly(143));
  const machine = await thisMachine();
  const samples: PeerSample[] = [];
  for (let round = 1; round <= rounds; round += 1)
    samples.push(...(await runRound(peers, round, quick, children)));
  mkdirSync(dirname(RESULTS), { recursive: true });
  await Bun.write(RESULTS, `${JSON.stringify({ machine, quick, samples }, null, 2)}\n`);
  console.log(`\n${renderPeers(samples)}\n\n${RESULTS} has it all.`);
}

if (import.meta.main) {
  const children = new Children();
  try {
    await main(children);
  } catch (fault) {
    console.error(fault instanceof Error ? fault.message : String(fault));
    process.exitCode = 1;
  } finally {
    await children.endAll();
  }
}
