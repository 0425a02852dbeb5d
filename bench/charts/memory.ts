import type { Figures } from "../figures.ts";
import { colourOf, gridLine, path, picture, text, WIDTH } from "./svg.ts";

const LEFT = 70;
const RIGHT = 40;
const TOP = 66;
const PLOT_HEIGHT = 220;
const AXIS_HEIGHT = 50;
const MIB = 2 ** 20;

/** The server's memory by the number of idle connections; null with fewer than two sizes. */
export function memoryChart(figures: Figures): string | null {
  const idles = figures.idles();
  const first = idles[0];
  const last = idles.at(-1);
  if (first === undefined || last === undefined || first.connections === last.connections) {
    return null;
  }
  const slopeKib =
    (last.rssBytesAfter - first.rssBytesAfter) / (last.connections - first.connections) / 1_024;
  const most = Math.ceil(last.rssBytesAfter / MIB / 100) * 100;
  const bottom = TOP + PLOT_HEIGHT;
  const x = (connections: number) =>
    LEFT + (connections / last.connections) * (WIDTH - LEFT - RIGHT);
  const y = (mib: number) => bottom - (mib / most) * PLOT_HEIGHT;
  const lines: string[] = [];
  for (let mib = 0; mib <= most; mib += most / 4) {
    lines.push(gridLine(LEFT, y(mib), WIDTH - RIGHT, y(mib)));
    lines.push(text(LEFT - 8, y(mib) + 4, mib.toFixed(0), { anchor: "end", isFaint: true }));
  }
  const points = idles.map(
    ({ connections, rssBytesAfter }) => [x(connections), y(rssBytesAfter / MIB)] as const,
  );
  lines.push(path(points, `class="line" stroke="${colourOf(0)}"`));
  for (const { connections, rssBytesAfter } of idles) {
    const [cx, cy] = [x(connections), y(rssBytesAfter / MIB)];
    lines.push(`<circle class="bar" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4"/>`);
    const label = connections.toLocaleString("en");
    lines.push(text(cx, bottom + 20, label, { anchor: "middle", isFaint: true }));
  }
  lines.push(
    text(LEFT, bottom + 40, "idle connections, five subscriptions each", { isFaint: true }),
  );
  const million = (slopeKib * 1e6) / 2 ** 20;
  return picture(
    bottom + AXIS_HEIGHT,
    `Memory by connections: ${slopeKib.toFixed(1)} KiB for each further one`,
    `MiB of RSS of the whole server; a million such would be ${million.toFixed(1)} GiB`,
    lines,
  );
}
