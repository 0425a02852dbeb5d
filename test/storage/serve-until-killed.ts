/** A process that serves the database named by its argument, with two messages in it. */
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { batch, conversation, messages } from "../support/stored.ts";

async function serve(path: string): Promise<void> {
  const { chat } = await openSqliteStorage({ path });
  await chat.commit(batch({ conversations: [conversation()], messages: messages(2) }));
}

await serve(process.argv[2] ?? "");
// Nothing refers to the store any more; its lock is held all the same.
await new Promise(setImmediate);
Bun.gc(true);
process.stdout.write("serving\n");
