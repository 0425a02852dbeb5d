import { GroupedWrites } from "./grouped-writes.ts";
import type { Commits } from "./sqlite-commits.ts";
import type { StoreName } from "./sqlite-writer.ts";

/** @param holds whether the database has what is written, be it from before */
export function groupedWrites<Write>(
  commits: Commits,
  store: StoreName,
  holds: (write: Write) => boolean,
): GroupedWrites<Write> {
  return new GroupedWrites((take) => {
    let writes: readonly Write[] = [];
    const toJson = () => {
      writes = take();
      return JSON.stringify(writes);
    };
    // All are there or none, so one tells; the last of them, which no other has undone.
    const isThere = () => writes.slice(-1).every(holds);
    return commits.commit(store, toJson, isThere);
  });
}
