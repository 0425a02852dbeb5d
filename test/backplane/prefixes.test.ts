import { expect, test } from "bun:test";
import fc from "fast-check";
import { Prefixes } from "../../src/backplane/prefixes.ts";

const texts = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 });

test("a text is covered if it begins with one of them, until that is taken away", () => {
  fc.assert(
    fc.property(fc.uniqueArray(texts), fc.uniqueArray(texts), texts, (added, removed, text) => {
      const prefixes = new Prefixes();
      for (const prefix of added) prefixes.add(prefix);
      for (const prefix of removed) prefixes.delete(prefix);
      const left = added.filter((prefix) => !removed.includes(prefix));
      expect(prefixes.size).toBe(left.length);
      expect(prefixes.cover(text)).toBe(left.some((prefix) => text.startsWith(prefix)));
    }),
  );
});
