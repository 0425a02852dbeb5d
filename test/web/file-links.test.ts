import { expect, test } from "bun:test";
import { attemptWith } from "../../src/web/attempts.ts";
import { FileLinks } from "../../src/web/file-links.ts";
import { ApiError } from "../../src/web/requests.ts";

function newLinks() {
  const asked: string[] = [];
  const clock = { nowMs: 0 };
  const answers = { fault: null as unknown };
  const links = new FileLinks({
    api: {
      async fileLinks(id) {
        asked.push(id);
        if (answers.fault !== null) throw answers.fault;
        const url = `/files/${id}?${asked.length}`;
        return { url, thumbnailUrl: null, expiresMs: clock.nowMs + 60_000 };
      },
    },
    attempt: attemptWith(() => {}),
    now: () => clock.nowMs,
  });
  const urlOf = async (id: string) => {
    const outcome = await links.of(id);
    return outcome.isDone ? outcome.answer.url : outcome.reason;
  };
  return { links, urlOf, asked, clock, answers };
}

test("links are asked for once while they hold, and anew before they are over", async () => {
  const { urlOf, asked, clock } = newLinks();
  expect(await Promise.all([urlOf("a"), urlOf("a")])).toEqual(["/files/a?1", "/files/a?1"]);
  clock.nowMs = 54_999;
  expect(await urlOf("a")).toBe("/files/a?1");
  clock.nowMs = 55_000;
  expect(await urlOf("a")).toBe("/files/a?2");
  expect(asked).toEqual(["a", "a"]);
});

test("what the server does not take is asked for anew, whatever the clock says", async () => {
  const { links, urlOf } = newLinks();
  await urlOf("a");
  await links.renew("a");
  expect(await urlOf("a")).toBe("/files/a?2");
});

test("why there is none is told in words, and is asked again", async () => {
  const { urlOf, answers } = newLinks();
  answers.fault = new ApiError(404, "ATTACHMENT_NOT_FOUND", "There is no attachment a");
  expect(await urlOf("a")).toBe("This file is not there any more.");
  answers.fault = null;
  expect(await urlOf("a")).toBe("/files/a?2");
});
