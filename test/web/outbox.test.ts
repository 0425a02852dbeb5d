import { expect, test } from "bun:test";
import { Outbox } from "../../src/web/outbox.ts";
import { attachment, draft, MemoryStorage } from "./support.ts";

test("keeps what was written, in the order of its writing, until it is removed", () => {
  const storage = new MemoryStorage();
  const first = draft("b", { composedAtMs: 1, mentions: ["carol"], attachments: [attachment()] });
  const second = draft("a", { composedAtMs: 2 });
  const outbox = new Outbox(storage, "alice");
  outbox.add(second);
  outbox.add(first);
  expect(new Outbox(storage, "alice").drafts()).toEqual([first, second]);
  outbox.remove("b");
  expect(outbox.drafts()).toEqual([second]);
});

test("two users of one browser have an outbox each", () => {
  const storage = new MemoryStorage();
  new Outbox(storage, "alice").add(draft("hi"));
  expect(new Outbox(storage, "ali").drafts()).toEqual([]);
});

test("says so when the browser has no room", () => {
  const storage = new MemoryStorage();
  const full = Object.assign(storage, {
    setItem() {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  expect(new Outbox(full, "alice").add(draft("hi"))).toBe(false);
});
