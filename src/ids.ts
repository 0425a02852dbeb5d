import { randomBytes } from "node:crypto";

/** A new UUIDv7: sorts by the time of its making. */
export type NewId = () => string;

export const newUuid: NewId = () => Bun.randomUUIDv7();

/**
 * New UUIDv7s, each above `last` and above those made before it, also when the machine's clock is set
 * back. `make` takes a time in epoch milliseconds, or the one that it is.
 */
export function ascendingUuids(
  last: string | null,
  make: (timeMs?: number) => string = (timeMs) => Bun.randomUUIDv7("hex", timeMs),
): NewId {
  let highest = last ?? "";
  const above = (id: string) => {
    if (id > highest) return id;
    const highestMs = timeOf(highest);
    const next = make(highestMs);
    return next > highest ? next : make(highestMs + 1);
  };
  return () => {
    highest = above(make());
    return highest;
  };
}

/** When a UUIDv7 was made, in epoch milliseconds. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** No UUIDv7 of that time, in epoch milliseconds, or of a later one is below it. */
export function lowestIdAt(epochMs: number): string {
  const hex = Math.max(0, epochMs).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** 128 random bits as text for a URL, which nobody guesses. */
export const newCode: NewId = () => randomBytes(16).toString("base64url");

/** Short ids for what nobody keeps for long: unique as long as `run`, which begins them, is of a run. */
export function countedIds(run: string): NewId {
  let count = 0;
  return () => {
    count += 1;
    return `${run}-${count.toString(36)}`;
  };
}
