import type { BusyLoop, LoopTimes } from "./busy-loop.ts";

/** What has not come is lost when nothing at all came for so long. */
const SILENCE_MS = 10_000;

export interface OpenLoopWork {
  readonly perSecond: number;
  readonly seconds: number;
  /** All times count from `dueMs`, whether the client was in time or not. */
  readonly send: (dueMs: number) => void;
  readonly isDrained: () => boolean;
  /** When something last came. */
  readonly progressMs: () => number;
}

/**
 * Sends at a rate that does not wait for the server (no coordinated omission), then goes on until all
 * has come, or nothing comes any more.
 */
export async function runOpenLoop(
  loop: BusyLoop,
  { perSecond, seconds, send, isDrained, progressMs }: OpenLoopWork,
): Promise<LoopTimes & { readonly count: number }> {
  const count = Math.round(perSecond * seconds);
  const startMs = performance.now();
  const dueAt = (index: number) => startMs + (index * 1_000) / perSecond;
  let sent = 0;
  const times = await loop.run((nowMs) => {
    while (sent < count && dueAt(sent) <= nowMs) {
      send(dueAt(sent));
      sent += 1;
      loop.worked();
    }
    if (sent < count) return true;
    return !isDrained() && nowMs < Math.max(progressMs(), dueAt(count)) + SILENCE_MS;
  });
  return { count, ...times };
}
