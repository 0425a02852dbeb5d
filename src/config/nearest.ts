/** ` Did you mean X?`, or nothing where no name is near. */
export function suggestion(given: string, names: Iterable<string>): string {
  let nearest = "";
  let shortest = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < shortest) {
      nearest = name;
      shortest = distance;
    }
  }
  return nearest === "" ? "" : ` Did you mean ${nearest}?`;
}

/** Levenshtein's: the fewest letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1);
      const deleted = (previous[column + 1] ?? 0) + 1;
      const inserted = (current[column] ?? 0) + 1;
      current.push(Math.min(replaced, deleted, inserted));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
