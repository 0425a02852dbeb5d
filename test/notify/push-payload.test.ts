import { expect, test } from "bun:test";
import fc from "fast-check";
import { LONGEST_PAYLOAD, pushPayload } from "../../src/notify/push-payload.ts";
import { noticeOf } from "../support/notices.ts";

test("says what a page needs to show and to open", () => {
  const notice = noticeOf({
    ...{ kind: "group", title: "Site team", count: 3, conversationId: "site" },
    newest: { mentionsUser: true },
  });
  expect(JSON.parse(pushPayload(notice, true))).toEqual({
    ...{ version: 1, key: notice.key, conversationId: "site", kind: "group", count: 3 },
    ...{ timestamp: "2026-01-01T00:00:00.000Z", title: "Site team", senderId: "ann" },
    ...{ senderName: "Ann", type: "TEXT", mentionsYou: true, content: "Hello Bob" },
  });
});

test("is what the documentation shows", async () => {
  const page = await Bun.file("docs/push.md").text();
  const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
  const { key, conversationId, kind, title, count } = shown;
  const { senderId, senderName, type, content, mentionsYou: mentionsUser } = shown;
  const timestampMs = Date.parse(shown.timestamp);
  const newest = { senderId, senderName, type, content, mentionsUser, timestampMs };
  const notice = noticeOf({ key, conversationId, kind, title, count, newest });
  expect(pushPayload(notice, true)).toBe(JSON.stringify(shown));
});

test.each([
  ["the user", true, true],
  ["the operator", false, false],
])("says neither names nor text where %s wishes so", (_, isPrivate, showContent) => {
  const notice = noticeOf({ isPrivate, kind: "group", title: "Site team", count: 3 });
  expect(JSON.parse(pushPayload(notice, showContent))).toEqual({
    ...{ version: 1, key: notice.key, conversationId: "ann:bob", kind: "group", count: 3 },
    timestamp: "2026-01-01T00:00:00.000Z",
  });
});

test("a long text fills what there is, and ends in an ellipsis", () => {
  const text = pushPayload(noticeOf({ newest: { content: "a".repeat(100_000) } }), true);
  expect(Buffer.byteLength(text)).toBe(LONGEST_PAYLOAD);
  expect(JSON.parse(text).content).toMatch(/^a+…$/);
});

test("a text that just has room is whole", () => {
  const bare = pushPayload(noticeOf({ newest: { content: "" } }), true);
  const content = "a".repeat(LONGEST_PAYLOAD - Buffer.byteLength(bare));
  expect(JSON.parse(pushPayload(noticeOf({ newest: { content } }), true)).content).toBe(content);
});

test("whatever is said, and whoever says it, a payload has room and cuts no code point", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 3_000 }),
    fc.string({ unit: "grapheme", maxLength: 3_000 }),
    fc
      .constantFrom("👩‍👩‍👧‍👦", "\u0000", "\\", '"', "\ud800", "ß", "語")
      .map((unit) => unit.repeat(5_000)),
  );
  const id = fc.constantFrom("i", "\\", "語").map((unit) => unit.repeat(128));
  fc.assert(
    fc.property(text, text, text, id, (content, title, senderName, senderId) => {
      const newest = { content, senderName, senderId };
      const payload = pushPayload(noticeOf({ title, conversationId: senderId, newest }), true);
      expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(LONGEST_PAYLOAD);
      const told = JSON.parse(payload);
      for (const [shown, whole] of [
        [told.content, content],
        [told.title, title],
        [told.senderName, senderName],
      ]) {
        if (shown === whole) continue;
        expect(shown).toEndWith("…");
        const points = [...shown].slice(0, -1);
        expect([...whole].slice(0, points.length)).toEqual(points);
      }
    }),
    { numRuns: 30 },
  );
});
