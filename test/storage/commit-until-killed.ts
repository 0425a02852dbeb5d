/**
 * A process that commits chats and queue messages to the database named by its argument, each as
 * fast as it can, and writes a line for each commit that is done: `chat 1`, `queues 1`, `chat 2` …
 */
import { writeSync } from "node:fs";
import type { QueueBatch, StoredQueueMessage } from "../../src/broker/queue-store.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { batch, conversation, message } from "../support/stored.ts";
import { job, queueBatch } from "../support/stored-jobs.ts";

/** A process that nobody kills ends by itself. */
export const LAST_ROUND = 100_000;
const JOBS_A_ROUND = 10;

/** A text, and bytes. */
function jobsOf(round: number): StoredQueueMessage[] {
  return Array.from({ length: JOBS_A_ROUND }, (_, index) => {
    const body = `job ${index} of round ${round}`.repeat(20);
    const id = `round ${round} job ${index}`;
    return job(0, { id, body: index % 2 === 0 ? body : new TextEncoder().encode(body) });
  });
}

/** Each round takes the first half of the former one's jobs, and gives back the others. */
function batchOf(round: number): QueueBatch {
  const former = round === 1 ? [] : jobsOf(round - 1).map(({ id }) => id);
  return queueBatch({
    removed: former.slice(0, JOBS_A_ROUND / 2),
    appended: jobsOf(round),
    redelivered: former.slice(JOBS_A_ROUND / 2).map((id) => ({ id, deliveries: round })),
  });
}

/** What is there when that round's commit, and those before it, are done. */
export function queuesAfter(round: number): StoredQueueMessage[] {
  return Array.from({ length: round }, (_, index) => {
    if (index + 1 === round) return jobsOf(round);
    const rest = jobsOf(index + 1).slice(JOBS_A_ROUND / 2);
    return rest.map((each) => ({ ...each, deliveries: index + 2 }));
  }).flat();
}

async function commitQueues({ queues }: Storage): Promise<void> {
  for (let round = 1; round <= LAST_ROUND; round++) {
    await queues.commit(batchOf(round));
    writeSync(1, `queues ${round}\n`);
  }
}

async function commitChats({ chat }: Storage): Promise<void> {
  await chat.commit(batch({ conversations: [conversation()] }));
  for (let seq = 1; seq <= LAST_ROUND; seq++) {
    await chat.commit(batch({ messages: [message(seq)] }));
    writeSync(1, `chat ${seq}\n`);
  }
}

if (import.meta.main) {
  const storage = await openSqliteStorage({ path: process.argv[2] ?? "" });
  await Promise.all([commitQueues(storage), commitChats(storage)]);
}
