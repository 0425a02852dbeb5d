import { deliveriesPerCpuSecond, type Figures, readingOf } from "../figures.ts";
import { picture, text, WIDTH } from "./svg.ts";

const LABELS_WIDTH = 340;
const FIGURES_WIDTH = 110;
const TOP = 60;
const GROUP_HEIGHT = 52;
const BAR_HEIGHT = 16;

/** Deliveries a CPU-second, Parley above the bare engine; null where they were not compared. */
export function rateChart(figures: Figures): string | null {
  const groups = figures.names("bare").flatMap((name) => {
    const bare = readingOf(figures.loads(name, "bare").map(deliveriesPerCpuSecond));
    const parley = readingOf(figures.loads(name).map(deliveriesPerCpuSecond));
    return bare === null || parley === null ? [] : [{ name, bare, parley }];
  });
  if (groups.length === 0) return null;
  const longest = WIDTH - LABELS_WIDTH - FIGURES_WIDTH;
  const lines = groups.flatMap(({ name, bare, parley }, index) => {
    const y = TOP + index * GROUP_HEIGHT;
    // Scenarios differ by orders of magnitude: each has the better of its two for a scale.
    const scale = longest / Math.max(bare.median, parley.median);
    return [
      text(LABELS_WIDTH - 10, y + BAR_HEIGHT + 4, name, { anchor: "end" }),
      ...bar("bar", LABELS_WIDTH, y, parley.median, scale, `Parley ${rounded(parley.median)}`),
      ...bar(
        "other",
        LABELS_WIDTH,
        y + BAR_HEIGHT + 3,
        bare.median,
        scale,
        `bare ${rounded(bare.median)}`,
      ),
    ];
  });
  return picture(
    TOP + groups.length * GROUP_HEIGHT,
    "Deliveries a CPU-second of the server",
    "beside a bare Bun.serve that stores, authorises and confirms nothing; each pair has its own scale",
    lines,
  );
}

/** A bar of `value * scale` with its label behind it; the class is its `kind`. */
export function bar(
  kind: string,
  x: number,
  y: number,
  value: number,
  scale: number,
  label: string,
): string[] {
  const width = Math.max(1, Math.round(value * scale));
  return [
    `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    text(x + width + 6, y + BAR_HEIGHT - 3, label),
  ];
}

/** `7.50 M`, `13 k`, `470`. */
export function rounded(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}
