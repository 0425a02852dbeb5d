/** Preloaded into the server that `watched-server.ts` starts: answers a message with what lives in it. */
import { type HeapStats, heapStats } from "bun:jsc";

/** Of all threads of the process, in bytes. */
export interface LiveMemory {
  /** JavaScript objects of the main thread, without what they hold outside the heap. */
  readonly heap: number;
  /** All else that has been allocated and not freed: buffers, the engine's sockets, SQLite's pages, other threads. */
  readonly native: number;
}

interface Stats extends HeapStats {
  /** Of the allocator, of all threads; not in the types. */
  readonly mimalloc?: {
    readonly malloc_bins: readonly { readonly block_size: number; readonly current: number }[];
    readonly malloc_huge: { readonly current: number };
  };
}

/**
 * Of the blocks that objects lie in. These are freed little by little after a collection, and how full
 * they are is not a matter of what lives.
 */
const HEAP_BLOCK_BYTES = 16 * 1024;

if (Bun.isMainThread) process.on("message", () => process.send?.(liveMemory()));

function liveMemory(): LiveMemory {
  Bun.gc(true);
  const { heapSize, extraMemorySize, mimalloc }: Stats = heapStats();
  let native = mimalloc?.malloc_huge.current ?? Number.NaN;
  for (const { block_size, current } of mimalloc?.malloc_bins ?? []) {
    if (block_size !== HEAP_BLOCK_BYTES) native += block_size * current;
  }
  return { heap: heapSize - extraMemorySize, native };
}
