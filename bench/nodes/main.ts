/** `bun bench/nodes/main.ts [--quick]`: several nodes, into `docs/nodes.json`. See `bench/README.md`. */
import { join } from "node:path";
import { Children } from "../children.ts";
import { ensureBinary } from "../load/server-process.ts";
import { ROOT, thisMachine } from "../machine.ts";
import { runNodes } from "./run.ts";

const children = new Children();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void children.endAll().then(() => process.exit(1)));
}
await ensureBinary(children);
const isQuick = process.argv.includes("--quick");
const report = await runNodes(await thisMachine(), isQuick, children);
const file = join(ROOT, isQuick ? "bench/results/nodes.json" : "docs/nodes.json");
await Bun.write(file, `${JSON.stringify(report)}\n`);
console.log(file);
const faulty = report.samples.filter(({ faults }) =>
  Object.values(faults).some((each) => each > 0),
);
for (const { setup, nodes, placement, faults } of faulty) {
  console.error(`${nodes} × ${setup}, ${placement}: ${JSON.stringify(faults)}`);
}
process.exit(faulty.length === 0 ? 0 : 1);
