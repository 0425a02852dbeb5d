/** A process that holds the write lock of the database named by its argument until it is told off. */
import { Database } from "bun:sqlite";

const db = new Database(process.argv[2] ?? "", { readwrite: true });
db.run("PRAGMA busy_timeout = 10000");
process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.
process.on("message", (message) => {
  if (message === "take") {
    db.run("BEGIN IMMEDIATE");
    process.send?.("taken");
  } else {
    db.run("ROLLBACK");
    process.send?.("left");
  }
});
process.send?.("ready");
