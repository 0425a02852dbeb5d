import { isCost } from "../costs.ts";
import type { Figures } from "../figures.ts";
import { latencyOf } from "../figures.ts";
import type { Latency, LoadMeasurement } from "../measurement.ts";
import { gridLine, path, picture, strokeOf, text, WIDTH } from "./svg.ts";

const LEFT = 62;
const RIGHT = 330;
const TOP = 62;
const PLOT_HEIGHT = 260;
const AXIS_HEIGHT = 44;
const LEGEND_ROW = 20;

const PERCENTILES = [
  ["p50", "p50Ms"],
  ["p99", "p99Ms"],
  ["p99.9", "p999Ms"],
  ["p99.99", "p9999Ms"],
  ["longest", "maxMs"],
] as const;

/** What a user waits for, by the kind of scenario. */
const WAITS = ["send → receipt", "publish → each subscriber"];
const LOWEST_MS = 0.01;

/** How long messages took, by percentile; null without any that came at a rate of their own. */
export function latencyChart(figures: Figures): string | null {
  const series = figures.names().flatMap((name) => {
    const load = figures.loads(name).at(-1);
    const waited =
      load === undefined || isClosedLoop(load) || isCost(name) ? undefined : waitOf(load);
    return waited === undefined ? [] : [{ name, waited }];
  });
  if (series.length === 0) return null;
  const top = Math.max(...series.map(({ waited }) => waited.maxMs), 1);
  const lastPower = Math.ceil(Math.log10(top));
  const firstPower = Math.log10(LOWEST_MS);
  const bottom = TOP + PLOT_HEIGHT;
  const y = (ms: number) => {
    const power = Math.log10(Math.max(LOWEST_MS, ms));
    return bottom - ((power - firstPower) / (lastPower - firstPower)) * PLOT_HEIGHT;
  };
  const step = (WIDTH - LEFT - RIGHT) / (PERCENTILES.length - 1);
  const lines: string[] = [];
  for (let power = firstPower; power <= lastPower; power += 1) {
    const at = y(10 ** power);
    lines.push(gridLine(LEFT, at, WIDTH - RIGHT, at));
    lines.push(text(LEFT - 8, at + 4, labelOf(power), { anchor: "end", isFaint: true }));
  }
  for (const [index, [label]] of PERCENTILES.entries()) {
    lines.push(text(LEFT + index * step, bottom + 20, label, { anchor: "middle", isFaint: true }));
  }
  for (const [index, { name, waited }] of series.entries()) {
    const look = `class="line" ${strokeOf(index)}`;
    const points = PERCENTILES.map(([, key], at) => [LEFT + at * step, y(waited[key])] as const);
    lines.push(path(points, look));
    const legendY = TOP + 4 + index * LEGEND_ROW;
    const x = WIDTH - RIGHT + 16;
    lines.push(
      path(
        [
          [x, legendY],
          [x + 18, legendY],
        ],
        look,
      ),
    );
    lines.push(text(x + 24, legendY + 4, name));
  }
  const height = Math.max(bottom + AXIS_HEIGHT, TOP + series.length * LEGEND_ROW + 20);
  return picture(
    height,
    "From send to receipt, by percentile",
    "milliseconds, logarithmic; times count from when a message was due",
    lines,
  );
}

function waitOf(load: LoadMeasurement): Latency | undefined {
  return WAITS.map((name) => latencyOf(load, name)).find((latency) => latency !== undefined);
}

function isClosedLoop({ name }: LoadMeasurement): boolean {
  return name.includes("closed loop");
}

function labelOf(power: number): string {
  return (10 ** power).toLocaleString("en", { maximumFractionDigits: 3 });
}
