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
    const highestMs = Number.parseInt(highest.slice(0, 8) + highest.slice(9, 13), 16);
    const next = make(highestMs);
    return next > highest ? next : make(highestMs + 1);
  };
  return () => {
    highest = above(make());
    return highest;
  };
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
