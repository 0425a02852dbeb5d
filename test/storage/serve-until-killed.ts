/** A process that serves the database named by its argument, with two messages in it. */
import { openSqliteStore } from "../../src/storage/sqlite.ts";
import { batch, conversation, messages } from "../support/stored.ts";

async function serve(path: string): Promise<void> {
  const store = await openSqliteStore({ path });
  await store.commit(batch({ conversations: [conversation()], messages: messages(2) }));
}

await serve(process.argv[2] ?? "");
// Nothing refers to the store any more; its lock is held all the same.
await new Promise(setImmediate);
Bun.gc(true);
process.stdout.write("serving\n");
