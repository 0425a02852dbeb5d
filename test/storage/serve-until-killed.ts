/** A process that serves the database named by its argument, with two messages in it. */
import { openSqliteStore } from "../../src/storage/sqlite.ts";
import { batch, conversation, messages } from "../support/stored.ts";

const store = await openSqliteStore({ path: process.argv[2] ?? "" });
await store.commit(batch({ conversations: [conversation()], messages: messages(2) }));
process.stdout.write("serving\n");
