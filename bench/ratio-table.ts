import {
  deliveriesPerCpuSecond,
  type Figures,
  type Reading,
  ratioOf,
  readingOf,
} from "./figures.ts";

/** What differs for Parley alone: ids and wires are nothing to the engine. */
const NOTHING_TO_THE_ENGINE = /, (every id another|wires mixed)/;

export const RATIO_COLUMNS = [
  "deliveries a CPU-second",
  "bare Bun.serve",
  "Parley",
  "ratio",
  "rounds",
] as const;

/** Each measurement of Parley that has one of the bare engine beside it, medians over the rounds. */
export function ratioRows(figures: Figures): string[][] {
  return figures.names().flatMap((name) => {
    const ours = figures.loads(name).map(deliveriesPerCpuSecond);
    const ceiling = name.replace(NOTHING_TO_THE_ENGINE, "");
    const theirs = figures.loads(ceiling, "bare").map(deliveriesPerCpuSecond);
    const ratio = ratioOf(ours, theirs);
    const [bare, parley] = [readingOf(theirs), readingOf(ours)];
    if (ratio === null || bare === null || parley === null) return [];
    return [[name, whole(bare), whole(parley), ratio.median.toFixed(3), spreadOf(ratio)]];
  });
}

function spreadOf({ low, high, count }: Reading): string {
  return count === 1 ? "one" : `${low.toFixed(3)} – ${high.toFixed(3)}`;
}

function whole({ median }: Reading): string {
  return Math.round(median).toLocaleString("en");
}
