/** The first row is the head. Cells are padded as Biome, which formats the pages too, wants them. */
export function markdownTable(texts: readonly (readonly string[])[]): string[] {
  const rows = texts.map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) => {
    const padded = widths.map((width, column) => (cells[column] ?? "").padEnd(width));
    return `| ${padded.join(" | ")} |`;
  };
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)];
}
