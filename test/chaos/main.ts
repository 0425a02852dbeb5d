/** `npm run chaos`: faults under load against the binary, and a strict judge. See README.md. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Children } from "../../bench/children.ts";
import { ensureBinary } from "../../bench/load/server-process.ts";
import { fileSystemOf, ROOT, thisMachine } from "../../bench/machine.ts";
import { faultsChart } from "./report/chart.ts";
import { faultsPage } from "./report/page.ts";
import { hasPassed, type Report } from "./report/report.ts";
import { renderDetails, renderReport } from "./report/terminal.ts";
import type { RowResult } from "./row.ts";
import { dataParent, runRow } from "./run.ts";
import { CLUSTER_SUITE, SERVER_SUITE, type Suite } from "./suite.ts";

const RESULTS = join(import.meta.dir, "results");

const DEADLINE_MS = 20 * 60_000;

const namesOf = ({ rows }: Suite) => rows.map(({ name }) => name).join(", ");

const HELP = `npm run chaos -- [--cluster] [--quick] [--only ROW,…] [--seed N] [--docs]

  --cluster      several nodes on PostgreSQL and Redis; otherwise one server
  --quick        about a tenth of it, in two minutes
  --only ROWS    some of ${namesOf(SERVER_SUITE)};
                 with --cluster of ${namesOf(CLUSTER_SUITE)}
  --seed N       the seed of an earlier run: the same random choices
  --resume HOW   sync (by /app/chat.sync) or subscription (by that alone)
  --docs         writes docs/faults.md and its chart as well, or docs/faults-cluster.md
  --help         this`;

const { values } = parseArgs({
  options: {
    cluster: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    seed: { type: "string" },
    docs: { type: "boolean", default: false },
    resume: { type: "string", default: "sync" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}

const suite = values.cluster ? CLUSTER_SUITE : SERVER_SUITE;
const names = values.only?.split(",") ?? suite.rows.map(({ name }) => name);
const unknown = names.filter((name) => suite.rows.every((row) => row.name !== name));
if (unknown.length > 0) {
  console.error(`There is no row ${unknown.join(", ")}.\n\n${HELP}`);
  process.exit(2);
}

async function writeReports(report: Report): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  await Bun.write(join(RESULTS, suite.results), `${JSON.stringify(report, null, 2)}\n`);
  if (!values.docs) return;
  const page = join(ROOT, "docs", suite.page);
  await Bun.write(`${page}.md`, faultsPage(suite, report));
  await Bun.write(`${page}.svg`, faultsChart(report));
}

// What was started ends with this process, and what was made is removed at its exit.
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
setTimeout(() => {
  console.error("The suite takes too long; giving up");
  process.exit(1);
}, DEADLINE_MS).unref();

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
const resume = values.resume === "subscription" ? "subscription" : "sync";
console.log(`seed ${seed}`);
await ensureBinary(new Children());
const machine = await thisMachine();
const results: RowResult[] = [];
for (const [index, row] of suite.rows.entries()) {
  if (!names.includes(row.name)) continue;
  console.log(`── ${row.name}: ${row.what}`);
  const result = await runRow(row, index, {
    ...{ seed, resume, scale: values.quick ? "quick" : "full" },
    progress: (text) => console.log(`   ${text}`),
  });
  results.push(result);
  for (const line of renderDetails(result)) console.log(`   ${line}`);
  console.log(`   ${result.verdict} after ${result.seconds.toFixed(0)} s`);
  if (result.hangs) break;
}
const fileSystem = fileSystemOf(dataParent());
const report = { machine, fileSystem, seed, quick: values.quick, resume, results } satisfies Report;
await writeReports(report);
console.log(`\n${renderReport(report)}`);
process.exit(hasPassed(report) ? 0 : 1);
