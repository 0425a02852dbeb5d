import type { RowResult } from "../row.ts";
import type { Report } from "./report.ts";

const WIDTH = 900;
const LABELS_WIDTH = 120;
const COUNTS_WIDTH = 370;
const BARS_WIDTH = WIDTH - LABELS_WIDTH - COUNTS_WIDTH;
const TOP = 64;
const ROW_HEIGHT = 30;
const BAR_HEIGHT = 16;
const AXIS_HEIGHT = 34;

/** Powers of ten, in milliseconds. */
const FIRST_POWER = 0;
const LAST_POWER = 4;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 15px; font-weight: 600; }
    .faint { fill: #57606a; }
    .grid { stroke: #d0d7de; }
    .bar { fill: #2f6fde; }
    .fail { fill: #d1242f; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .faint { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .bar { fill: #5b9bff; }
      .fail { fill: #ff7b72; }
    }`;

/** Such as `docs/faults.svg`: the p99 of each row on a logarithmic axis, and what was injected beside it. */
export function faultsChart({ results }: Report): string {
  const rows = results.filter(({ outcome }) => outcome !== null);
  const bottom = TOP + rows.length * ROW_HEIGHT;
  const height = bottom + AXIS_HEIGHT;
  const label = "p99 from send to receipt under each fault, and how often it was injected";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">
  <style>${STYLE}
  </style>
  <text class="title" x="0" y="20">p99 from send to receipt under each fault</text>
  <text class="faint" x="0" y="40">milliseconds, logarithmic; beside it what was injected, and what of the confirmed is missing</text>
${[...gridLines(bottom), ...rows.flatMap(rowLines)].map((line) => `  ${line}`).join("\n")}
</svg>
`;
}

function gridLines(bottom: number): string[] {
  const powers = Array.from({ length: LAST_POWER - FIRST_POWER + 1 }, (_, at) => FIRST_POWER + at);
  return powers.flatMap((power) => {
    const x = LABELS_WIDTH + barWidth(10 ** power);
    const ms = (10 ** power).toLocaleString("en");
    return [
      `<line class="grid" x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${bottom}"/>`,
      `<text class="faint" x="${x}" y="${bottom + 18}" text-anchor="middle">${ms}</text>`,
    ];
  });
}

function rowLines({ name, verdict, outcome }: RowResult, index: number): string[] {
  if (outcome === null) return [];
  const y = TOP + index * ROW_HEIGHT;
  const textY = y + BAR_HEIGHT - 3;
  const { p99Ms, times, injected, confirmed, faults } = outcome;
  const width = barWidth(p99Ms ?? 0);
  const hasPassed = verdict === "pass";
  const end = hasPassed ? "0 missing" : `${faults.length} faults, failed`;
  const counts = `${times.toLocaleString("en")} ${injected}, ${confirmed.toLocaleString("en")} confirmed, ${end}`;
  return [
    `<text x="${LABELS_WIDTH - 10}" y="${textY}" text-anchor="end">${name}</text>`,
    `<rect class="${hasPassed ? "bar" : "fail"}" x="${LABELS_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    `<text x="${LABELS_WIDTH + width + 6}" y="${textY}">${p99Ms?.toFixed(1) ?? "not timed"}</text>`,
    `<text class="faint" x="${LABELS_WIDTH + BARS_WIDTH + 14}" y="${textY}">${counts}</text>`,
  ];
}

function barWidth(ms: number): number {
  const power = Math.log10(Math.max(ms, 10 ** FIRST_POWER));
  const share = (power - FIRST_POWER) / (LAST_POWER - FIRST_POWER);
  return Math.round(Math.min(1, share) * (BARS_WIDTH - 60));
}
