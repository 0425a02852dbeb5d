import type { DatabaseWorker } from "../../src/storage/sqlite-thread.ts";

/** A writer that ends when it has done one thing more than it answers. */
export function workerThatEndsAfterReplies(count: number): DatabaseWorker {
  const worker = new Worker(new URL("../../src/storage/sqlite-writer.ts", import.meta.url).href);
  let replies = 0;
  worker.addEventListener("message", (event) => {
    replies += 1;
    if (replies <= count) return;
    event.stopImmediatePropagation();
    worker.terminate();
  });
  return worker;
}

/** A writer that fails at its first request. */
export function faultyWorker(): DatabaseWorker {
  const code = "addEventListener('message', () => { throw new Error('a fault') });";
  return new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
}
