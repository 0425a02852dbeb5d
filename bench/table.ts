/** Text in the first columns to the left, figures to the right, as wide as need be. */
export function renderTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map((row) => (row[at] ?? "").length)),
  );
  const isText = columns.map((_, at) => rows.some((row) => /[a-z]/i.test(row[at] ?? "")));
  const line = (cells: readonly string[]) =>
    widths
      .map((width, at) =>
        isText[at] ? (cells[at] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width),
      )
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [line(columns), rule, ...rows.map(line)].join("\n");
}
