import { randomBytes } from "node:crypto";

/** A new UUIDv7: sorts by the time of its making. */
export type NewId = () => string;

export const newUuid: NewId = () => Bun.randomUUIDv7();

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
