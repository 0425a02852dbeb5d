/**
 * `npm run bench`: micro benches, then the load run against the binary, one table, one verdict.
 * See README.md beside this file.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { Children } from "./children.ts";
import { runScenario, type ScenarioResult } from "./load/run.ts";
import { dataFileSystem, ensureBinary } from "./load/server-process.ts";
import { pinnedTo, ROOT, thisMachine } from "./machine.ts";
import { type MicroResult, microSchema } from "./measurement.ts";
import { MICRO, PARTS, type Part, QUICK_PARTS, scenariosOf, USUAL_PARTS } from "./plan.ts";
import { type RatioSample, runRatios } from "./ratios.ts";
import { isCorrect, type Report, renderReport } from "./report.ts";

const RESULTS = join(ROOT, "bench/results/latest.json");
const DEADLINE_MS = 8 * 60_000;

const HELP = `npm run bench -- [--quick] [--only PART,…]

  --quick        shorter, and without the codec: under two minutes
  --only PARTS   some of ${PARTS.join(", ")}
  --help         this`;

interface Flags {
  readonly quick: boolean;
  readonly parts: readonly Part[];
}

function readFlags(args: string[]): Flags {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit();
  }
  const { quick, only } = values;
  if (only === undefined) return { quick, parts: quick ? QUICK_PARTS : USUAL_PARTS };
  const parts = only.split(",").map((name) => PARTS.find((part) => part === name) ?? noPart(name));
  return { quick, parts };
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
    results.push(await runScenario(scenario, children));
  }
  return results;
}

async function runAllRatios({ quick, parts }: Flags, children: Children): Promise<RatioSample[]> {
  if (!parts.includes("ratios")) return [];
  await ensureBinary(children);
  return runRatios(quick, children);
}

async function bench(flags: Flags, children: Children): Promise<Report> {
  const machine = await thisMachine();
  const micro = await runMicro(flags.parts, children);
  const load = await runLoad(flags, children);
  const ratios = await runAllRatios(flags, children);
  const pinned = pinnedTo("server").length > 0;
  const { quick } = flags;
  return { machine, fileSystem: dataFileSystem(), pinned, quick, micro, load, ratios };
}

const flags = readFlags(process.argv.slice(2));
const children = new Children();

let isEnding = false;

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
  const report = await bench(flags, children);
  mkdirSync(join(ROOT, "bench/results"), { recursive: true });
  await Bun.write(RESULTS, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${renderReport(report)}\n\n${RESULTS} has it all.`);
  process.exit(isCorrect(report) ? 0 : 1);
} catch (fault) {
  await endEarly(fault instanceof Error ? fault.message : String(fault), 1);
}
