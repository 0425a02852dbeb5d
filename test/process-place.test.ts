import { expect, test } from "bun:test";
import { countedIds, newCode } from "../src/ids.ts";
import { idsAt, ownerOf } from "../src/process-place.ts";

const placeOf = (number: number, count: number) => ({
  ...{ number, count, nodeId: `n-${number}`, folder: "/run/parley", ports: null },
});

test("ids have one owner, and each process about as many", () => {
  const newId = countedIds("session");
  const owned = [0, 0, 0, 0];
  for (let made = 0; made < 4_000; made += 1) {
    const id = newId();
    const owner = ownerOf({ count: 4 }, id);
    expect(ownerOf({ count: 4 }, id)).toBe(owner);
    owned[owner - 1] = (owned[owner - 1] ?? 0) + 1;
  }
  for (const count of owned) expect(count).toBeGreaterThan(800);
});

test("a process makes ids that are its own", () => {
  for (const number of [1, 2, 3]) {
    const place = placeOf(number, 3);
    const newId = idsAt(place, newCode);
    const ids = Array.from({ length: 50 }, newId);
    expect(ids.map((id) => ownerOf(place, id))).toEqual(ids.map(() => number));
    expect(new Set(ids).size).toBe(50);
  }
});
