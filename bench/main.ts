/**
 * `npm run bench`: micro benches, then the load run against the binary, one table, one verdict.
 * See README.md beside this file.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { capacityPage } from "./capacity/page.ts";
import { pagesOf } from "./capacity/report.ts";
import { Children } from "./children.ts";
import { COMPARE_COLUMNS, COMPARE_RULE, compareRows, differencesOf } from "./compare.ts";
import { runScenario, type ScenarioResult } from "./load/run.ts";
import { dataFileSystem, ensureBinary } from "./load/server-process.ts";
import { pinnedTo, ROOT, thisMachine } from "./machine.ts";
import { type MicroResult, microSchema } from "./measurement.ts";
import { runNodes } from "./nodes/run.ts";
import type { NodesReport } from "./nodes/samples.ts";
import { runNotices } from "./notices/run.ts";
import type { NoticeSample } from "./notices/samples.ts";
import { pageOf } from "./page.ts";
import { type Peers, peersSchema } from "./peer-samples.ts";
import { MICRO, PARTS, type Part, QUICK_PARTS, scenariosOf, USUAL_PARTS } from "./plan.ts";
import { type RatioSample, runRatios } from "./ratios.ts";
import { withFigures } from "./readme-figures.ts";
import { isCorrect, renderReport } from "./report.ts";
import { newReport, type Report, readReport } from "./report-file.ts";
import { renderTable } from "./table.ts";

const RESULTS = join(ROOT, "bench/results");
const DEADLINE_MS = 40 * 60_000;

const HELP = `npm run bench -- [--quick] [--only PART,…]

  --quick        shorter, and without the codec: under two minutes
  --only PARTS   some of ${PARTS.join(", ")}; beside them \`usual\`, which
                 is all that runs without being asked for
  --compare OLD  what changed since that report, beyond the noise of its rounds
  --report FILE  of an earlier run, instead of measuring
  --docs         writes docs/benchmarks.md, its pictures and the README's figures; of \`nodes\`
                 docs/nodes.json and docs/capacity.md
  --help         this`;

interface Flags {
  readonly quick: boolean;
  readonly parts: readonly Part[];
  readonly compare: string | undefined;
  readonly report: string | undefined;
  readonly docs: boolean;
}

function readFlags(args: string[]): Flags {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      compare: { type: "string" },
      report: { type: "string" },
      docs: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit();
  }
  const { quick, only, compare, report, docs } = values;
  const usual = quick ? QUICK_PARTS : USUAL_PARTS;
  const asked = only?.split(",").flatMap((name) => {
    if (name === "usual") return usual;
    return [PARTS.find((part) => part === name) ?? noPart(name)];
  });
  return { quick, parts: asked ?? usual, compare, report, docs };
}

function noPart(name: string): never {
  console.error(`There is no part ${name}.\n\n${HELP}`);
  process.exit(2);
}

async function runMicro(parts: readonly Part[], children: Children): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const part of parts) {
    const file = MICRO[part];
    if (file === undefined) continue;
    console.log(`\n── ${part}: bench/micro/${file}\n`);
    const script = join(import.meta.dir, "micro", file);
    await children.run([...pinnedTo("client"), process.execPath, script], {
      env: process.stdout.isTTY ? {} : { NO_COLOR: "1" },
      onResult: (message) => results.push(...z.array(microSchema).parse(message)),
    });
  }
  return results;
}

async function runLoad({ quick, parts }: Flags, children: Children): Promise<ScenarioResult[]> {
  const scenarios = scenariosOf(parts, quick);
  if (scenarios.length > 0) await ensureBinary(children);
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    console.log(`── ${JSON.stringify(scenario)}`);
    try {
      results.push(await runScenario(scenario, children));
    } catch (fault) {
      leaveOut(fault);
    }
  }
  return results;
}

/** The others have still something to tell. */
function leaveOut(fault: unknown): void {
  console.error(`── left out: ${fault instanceof Error ? fault.message : String(fault)}`);
  hasLeftOut = true;
}

async function runAllRatios({ quick, parts }: Flags, children: Children): Promise<RatioSample[]> {
  if (!parts.includes("ratios")) return [];
  await ensureBinary(children);
  return runRatios(quick, children);
}

async function runAllNotices({ quick, parts }: Flags, children: Children): Promise<NoticeSample[]> {
  if (!parts.includes("notices")) return [];
  await ensureBinary(children);
  return runNotices(quick, children);
}

async function runAllNodes(
  { quick, parts }: Flags,
  children: Children,
): Promise<NodesReport | null> {
  if (!parts.includes("nodes")) return null;
  await ensureBinary(children);
  try {
    return await runNodes(quick, children);
  } catch (fault) {
    leaveOut(fault); // Such as where PostgreSQL is not installed.
    return null;
  }
}

async function bench(flags: Flags, children: Children): Promise<Report> {
  // First: a file that is none of theirs ends the run before it has cost anything.
  const peers = await lastPeers();
  const machine = await thisMachine();
  const micro = await runMicro(flags.parts, children);
  const load = await runLoad(flags, children);
  const ratios = await runAllRatios(flags, children);
  const notices = await runAllNotices(flags, children);
  const nodes = await runAllNodes(flags, children);
  const pinned = pinnedTo("server").length > 0;
  const { quick } = flags;
  const fileSystem = dataFileSystem();
  const asked = process.argv.slice(2).filter((argument) => argument !== "--docs");
  const named = { flags: asked.join(" "), fileSystem, pinned, quick };
  return newReport({ machine, ...named, micro, load, ratios, notices, nodes, peers });
}

/** Of `bench/peers.ts`, which installs much and takes long; null when it never ran here. */
async function lastPeers(): Promise<Peers | null> {
  const file = Bun.file(join(RESULTS, "peers.json"));
  return (await file.exists()) ? peersSchema.parse(await file.json()) : null;
}

async function writeResults(report: Report): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  await Bun.write(join(RESULTS, "latest.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writePage(report, RESULTS, "latest");
}

/** What was measured replaces what was before; the rest stays. */
async function writeDocs(report: Report): Promise<void> {
  const folder = join(ROOT, "docs");
  const { capacity, rest } = pagesOf(report);
  if (capacity !== null) {
    await Bun.write(join(folder, "nodes.json"), `${JSON.stringify(capacity)}\n`);
    await Bun.write(join(folder, "capacity.md"), capacityPage(capacity));
  }
  if (rest === null) return;
  await Bun.write(join(folder, "benchmarks.json"), `${JSON.stringify(rest)}\n`);
  await writePage(rest, folder, "benchmarks");
  const readme = join(ROOT, "README.md");
  await Bun.write(readme, withFigures(await Bun.file(readme).text(), rest));
}

async function writePage(report: Report, folder: string, name: string): Promise<void> {
  const { markdown, pictures } = pageOf(report, name);
  await Bun.write(join(folder, `${name}.md`), markdown);
  for (const [file, svg] of pictures) await Bun.write(join(folder, file), svg);
}

function compare(old: Report, after: Report): string {
  const differences = differencesOf(old, after).map((line) => `Not alike: ${line}`);
  const table = renderTable(COMPARE_COLUMNS, compareRows(old, after));
  return [
    `${old.machine.commit} → ${after.machine.commit}`,
    ...differences,
    COMPARE_RULE,
    table,
  ].join("\n");
}

const flags = readFlags(process.argv.slice(2));
const children = new Children();

let isEnding = false;
/** A scenario, or several nodes, could not be run to the end. */
let hasLeftOut = false;

/** Only the first reason counts: children that it ends give others. */
async function endEarly(reason: string, exitCode: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  console.error(`\n${reason}`);
  await children.endAll();
  process.exit(exitCode);
}

process.on("SIGINT", () => void endEarly("Interrupted", 130));
process.on("SIGTERM", () => void endEarly("Terminated", 143));
setTimeout(() => void endEarly("The bench takes too long; giving up", 1), DEADLINE_MS).unref();

try {
  // Read before anything is written: it may be the latest.
  const old = flags.compare === undefined ? null : await readReport(flags.compare);
  const earlier = flags.report === undefined ? null : await readReport(flags.report);
  const report = earlier ?? (await bench(flags, children));
  if (earlier === null) await writeResults(report);
  if (flags.docs) await writeDocs(report);
  console.log(`\n${renderReport(report)}`);
  if (earlier === null) console.log(`\n${join(RESULTS, "latest.json")} has it all.`);
  if (old !== null) console.log(`\n${compare(old, report)}`);
  process.exit(isCorrect(report) && !hasLeftOut ? 0 : 1);
} catch (fault) {
  await endEarly(fault instanceof Error ? fault.message : String(fault), 1);
}
