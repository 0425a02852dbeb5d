import { expect, test } from "bun:test";
import { ShownKeys } from "../../../src/web/service-worker/shown-keys.ts";
import { MemoryCaches } from "../../support/memory-caches.ts";

function recorded(keys: ShownKeys) {
  const shown: string[] = [];
  return { shown, show: (key: string) => keys.once(key, async () => void shown.push(key)) };
}

test("the same is shown once, by workers that start later too", async () => {
  const caches = new MemoryCaches();
  const { shown, show } = recorded(new ShownKeys(caches));
  await show("a");
  await show("b");
  await show("a");
  expect(shown).toEqual(["a", "b"]);
  const later = recorded(new ShownKeys(caches));
  await later.show("b");
  await later.show("c");
  expect(later.shown).toEqual(["c"]);
});

test("what comes twice at once is shown once", async () => {
  const { shown, show } = recorded(new ShownKeys(new MemoryCaches()));
  await Promise.all([show("a"), show("a"), show("b")]);
  expect(shown).toEqual(["a", "b"]);
});

test("what could not be shown is shown when it comes again, and holds up nothing", async () => {
  const keys = new ShownKeys(new MemoryCaches());
  const { shown, show } = recorded(keys);
  const failed = keys.once("a", () => Promise.reject(new Error("No permission")));
  await Promise.all([expect(failed).rejects.toThrow("No permission"), show("b")]);
  await show("a");
  expect(shown).toEqual(["b", "a"]);
});

test("what cannot be kept is shown all the same", async () => {
  const broken = { open: () => Promise.reject(new DOMException("Full", "QuotaExceededError")) };
  const { shown, show } = recorded(new ShownKeys(broken));
  await expect(show("a")).rejects.toThrow("Full");
  expect(shown).toEqual(["a"]);
});

test("the keys that are kept are few: the last ones", async () => {
  const caches = new MemoryCaches();
  const { shown, show } = recorded(new ShownKeys(caches));
  for (let number = 0; number < 150; number += 1) await show(`${number}`);
  expect(await caches.kept()).toHaveLength(100);
  await show("149");
  await show("50");
  expect(shown).toHaveLength(150);
});
