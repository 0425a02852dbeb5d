/**
 * Columns of text, each as wide as its widest cell; a line for each row. Control characters, by which
 * whoever a text is from could move a terminal, are spaces.
 */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll(/\p{Cc}/gu, " ")));
  const columns = [...(cells[0]?.keys() ?? [])];
  const widths = columns.map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
