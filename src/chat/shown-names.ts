import { SYSTEM } from "./actor.ts";
import { ERASED_NAME } from "./erased.ts";

/** Shows nothing by itself: controls, marks of direction, joiners, fillers, an empty pattern of braille. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Z}\s\u2800]/gu;

/** What is left of it to read, whatever its width. */
function visibleIn(name: string): string {
  return name.normalize("NFKC").replace(INVISIBLE, "");
}

/** There is something to see. */
export function isVisible(name: string): boolean {
  return visibleIn(name) !== "";
}

const RESERVED = new Set(
  [SYSTEM.name, SYSTEM.userId, ERASED_NAME].map((name) => visibleIn(name).toLowerCase()),
);

/** It reads as one that the server itself goes by, or puts in the place of a user who is no more. */
export function isReserved(name: string): boolean {
  return RESERVED.has(visibleIn(name).toLowerCase());
}
