/**
 * A process that serves the database named by its argument. For each line on its input it commits
 * the message with that `seq`, or probes, and answers with a line: what became of it, how many
 * writers have been started so far, and how many files are open.
 */
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { startDatabaseWorker } from "../../src/storage/sqlite-thread.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message } from "../support/stored.ts";

async function serve(path: string): Promise<void> {
  let writers = 0;
  const clock = new FakeClock();
  const startWorker = () => {
    writers += 1;
    return startDatabaseWorker("sqlite-writer");
  };
  const storage = await openSqliteStorage({ path, clock, startWorker });
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  const answer = (outcome: string) =>
    process.stdout.write(`${outcome}\t${writers}\t${readdirSync("/proc/self/fd").length}\n`);
  answer("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    // Writers are restarted no more than once a second.
    clock.advance(1_000);
    const seq = Number(line);
    answer(
      await refusalOf(() =>
        line === "probe"
          ? storage.chat.probe()
          : storage.chat.commit(batch({ messages: [message(seq)] })),
      ),
    );
  }
  await storage.close();
}

await serve(process.argv[2] ?? "");
