/** Where things stand and how they look in every chart. */
export const WIDTH = 900;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 15px; font-weight: 600; }
    .faint { fill: #57606a; }
    .grid { stroke: #d0d7de; }
    .bar { fill: #2f6fde; }
    .other { fill: #8c959f; }
    .line { fill: none; stroke-width: 2; }
    .guide { stroke: #8c959f; stroke-dasharray: 5 4; fill: none; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .faint { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .bar { fill: #5b9bff; }
      .other { fill: #6e7781; }
    }`;

/** Told apart also by those who do not see all colours, on light and on dark. */
const COLOURS = ["#2f6fde", "#d9730d", "#1a9e76", "#b14cc4", "#c0392b", "#8a8f00"] as const;

export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? COLOURS[0];
}

/** The attributes of a line: when the colours are used up, it is dashed. */
export function strokeOf(index: number): string {
  const stroke = `stroke="${colourOf(index)}"`;
  return index < COLOURS.length ? stroke : `${stroke} stroke-dasharray="6 4"`;
}

/** A whole picture; `lines` are its elements. */
export function picture(
  height: number,
  title: string,
  subtitle: string,
  lines: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
  <style>${STYLE}
  </style>
  <text class="title" x="0" y="20">${escaped(title)}</text>
  <text class="faint" x="0" y="40">${escaped(subtitle)}</text>
${lines.map((line) => `  ${line}`).join("\n")}
</svg>
`;
}

export function text(
  x: number,
  y: number,
  content: string,
  {
    anchor = "start",
    isFaint = false,
  }: { anchor?: "start" | "middle" | "end"; isFaint?: boolean } = {},
): string {
  const faint = isFaint ? ' class="faint"' : "";
  return `<text${faint} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

export function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="grid" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

export function path(points: readonly (readonly [number, number])[], attributes: string): string {
  const steps = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${round(x)} ${round(y)}`);
  return `<path ${attributes} d="${steps.join(" ")}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
