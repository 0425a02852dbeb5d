/** A process that holds the write lock of the database named by its argument when asked to. */
import { Database } from "bun:sqlite";

export type LockCommand = "take" | "leave";

if (import.meta.main) {
  const db = new Database(process.argv[2] ?? "", { readwrite: true });
  db.run("PRAGMA busy_timeout = 10000");
  process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.
  process.on("message", (command) => {
    db.run(command === "take" ? "BEGIN IMMEDIATE" : "ROLLBACK");
    process.send?.("done");
  });
  process.send?.("ready");
}
