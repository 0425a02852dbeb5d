import { expect, test } from "bun:test";
import fc from "fast-check";
import { Few } from "../src/few.ts";

const step = fc.record({
  act: fc.constantFrom("add" as const, "delete" as const),
  at: fc.nat({ max: 3 }),
});

test("it behaves like a set, whatever comes and goes", () => {
  const members = Array.from({ length: 4 }, (_, name) => ({ name }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const few = new Few<object>();
      const set = new Set<object>();
      for (const { act, at } of steps) {
        const member = members[at] ?? {};
        if (act === "delete") expect(few.delete(member)).toBe(set.delete(member));
        else {
          few.add(member);
          set.add(member);
        }
        expect(few.size).toBe(set.size);
        expect(few.first).toBe([...set][0] ?? null);
        expect([...few]).toEqual([...set]);
        expect(members.map((each) => few.has(each))).toEqual(members.map((each) => set.has(each)));
      }
    }),
  );
});
