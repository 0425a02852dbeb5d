/** `npm run fuzz`: hostile clients against the binary, and a judge. See README.md beside this file. */
import { parseArgs } from "node:util";
import { isCorrect, renderReport } from "./report.ts";
import { fuzz } from "./run.ts";

const HELP = `npm run fuzz -- [--frames N] [--seconds S] [--seed N] [--connections N] [--conversation N]

  --frames N        stop after so many frames (1000000)
  --seconds S       stop after so long (900)
  --seed N          the seed of an earlier run, to have it again
  --connections N   at one time (24)
  --conversation N  only this conversation of the seed's run`;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "900" },
    seed: { type: "string" },
    connections: { type: "string", default: "24" },
    conversation: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
console.log(`seed ${seed}`);
const report = await fuzz({
  seed,
  frames: Number(values.frames),
  seconds: Number(values.seconds),
  connections: Number(values.connections),
  only: values.conversation === undefined ? null : Number(values.conversation),
  patienceMs: 10_000,
  progress: (text) => console.log(text),
});
console.log(`\n${renderReport(report)}`);
process.exit(isCorrect(report) ? 0 : 1);
