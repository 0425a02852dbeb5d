import { COST_KINDS, type CostPoint, costCurve } from "../costs.ts";
import type { Figures } from "../figures.ts";
import { colourOf, gridLine, path, picture, text, WIDTH } from "./svg.ts";

const LEFT = 70;
const RIGHT = 240;
const TOP = 66;
const PLOT_HEIGHT = 260;
const AXIS_HEIGHT = 54;
const LEGEND_ROW = 22;
const LOWEST = 0.5;

/** What work costs with more of one thing, log-log; null without a curve of two points. */
export function costChart(figures: Figures): string | null {
  const series = COST_KINDS.map((kind) => ({ kind, curve: costCurve(figures, kind) })).filter(
    ({ curve }) => curve.length > 1,
  );
  const points = series.flatMap(({ curve }) => curve);
  if (points.length === 0) return null;
  const most = Math.max(...points.map(({ times }) => times));
  const top = 2 ** Math.ceil(Math.log2(Math.max(most, ...points.map(({ cost }) => cost))));
  const low = Math.min(LOWEST, ...points.map(({ cost }) => cost));
  const bottomPower = Math.floor(Math.log2(low));
  const topPower = Math.log2(top);
  const bottom = TOP + PLOT_HEIGHT;
  const right = WIDTH - RIGHT;
  const at = ({ times, cost }: CostPoint) =>
    [
      LEFT + (Math.log2(times) / Math.log2(most)) * (right - LEFT),
      bottom - ((Math.log2(cost) - bottomPower) / (topPower - bottomPower)) * PLOT_HEIGHT,
    ] as const;
  const lines: string[] = [];
  for (let power = bottomPower; power <= topPower; power += 1) {
    const [, y] = at({ times: 1, cost: 2 ** power });
    lines.push(gridLine(LEFT, y, right, y));
    lines.push(text(LEFT - 8, y + 4, `× ${2 ** power}`, { anchor: "end", isFaint: true }));
  }
  for (const times of new Set(points.map((point) => point.times))) {
    const [x] = at({ times, cost: 1 });
    lines.push(text(x, bottom + 20, `× ${times}`, { anchor: "middle", isFaint: true }));
  }
  lines.push(text(LEFT, bottom + 42, "how much there is, of the smallest", { isFaint: true }));
  const guide = [
    { times: 1, cost: 1 },
    { times: most, cost: most },
  ];
  lines.push(path(guide.map(at), 'class="guide"'));
  for (const [index, { curve }] of series.entries()) {
    const stroke = colourOf(index);
    lines.push(path(curve.map(at), `class="line" stroke="${stroke}"`));
    for (const [cx, cy] of curve.map(at)) {
      lines.push(`<circle fill="${stroke}" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="3.5"/>`);
    }
  }
  const legend = [
    ...series.map(({ kind }, index) => [kind, `class="line" stroke="${colourOf(index)}"`] as const),
    ["proportional", 'class="guide"'] as const,
  ];
  for (const [index, [label, look]] of legend.entries()) {
    const [x, y] = [right + 24, TOP + 6 + index * LEGEND_ROW];
    lines.push(
      path(
        [
          [x, y],
          [x + 22, y],
        ],
        look,
      ),
    );
    lines.push(text(x + 30, y + 4, label));
  }
  return picture(
    bottom + AXIS_HEIGHT,
    "What work costs when there is more of something",
    "the server's CPU time, to that of the smallest; both axes logarithmic",
    lines,
  );
}
