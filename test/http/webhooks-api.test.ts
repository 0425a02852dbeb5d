import { afterEach, describe, expect, test } from "bun:test";
import type { AddedAgain } from "../../src/notify/webhook-ports.ts";
import { type NotificationsServer, startNotifications } from "../support/notifications-server.ts";
import { answerOf } from "../support/server-api.ts";
import { API_KEY } from "../support/tokens.ts";

const PATH = "/api/webhooks/replay";
const ID = "019a3c1e-0000-7000-8000-000000000001";

let server: NotificationsServer;
let asked: [fromMs: number, after: string | null][] = [];

function start(answers: readonly AddedAgain[] | null): void {
  asked = [];
  server = startNotifications(
    null,
    answers && {
      add: async (fromMs, after) => {
        asked.push([fromMs, after]);
        return answers[asked.length - 1] ?? { count: 0, next: null };
      },
    },
  );
}

afterEach(() => server.stop());

async function ask(body: unknown, headers: Record<string, string> = { "X-Api-Key": API_KEY }) {
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  return answerOf(await fetch(server.url + PATH, request));
}

describe("messages are told anew", () => {
  test("from a time on, a part of them at a request", async () => {
    start([
      { count: 10_000, next: ID },
      { count: 7, next: null },
    ]);
    expect(await ask({ from: "2026-01-01T02:00:00+02:00" })).toEqual({
      ...{ status: 200, body: { events: 10_000, next: ID } },
    });
    expect(await ask({ from: "2026-01-01T00:00:00.000Z", after: ID })).toEqual({
      ...{ status: 200, body: { events: 7, next: null } },
    });
    const fromMs = Date.UTC(2026, 0, 1);
    expect(asked).toEqual([
      [fromMs, null],
      [fromMs, ID],
    ]);
  });

  test.each([
    ["no time", {}],
    ["a time without its zone", { from: "2026-01-01T00:00:00" }],
    ["what is no message's id", { from: "2026-01-01T00:00:00Z", after: "1" }],
  ])("and not from %s", async (_, body) => {
    start([]);
    expect((await ask(body)).body).toMatchObject({ code: "VALIDATION_FAILED" });
    expect(asked).toEqual([]);
  });

  test("for the back end alone, and where there is a webhook", async () => {
    start(null);
    const from = "2026-01-01T00:00:00Z";
    expect(await ask({ from }, { "X-User-Id": "alice" })).toMatchObject({
      ...{ status: 401, body: { code: "AUTHENTICATION_REQUIRED" } },
    });
    expect(await ask({ from })).toMatchObject({ status: 404, body: { code: "NO_EVENT_WEBHOOK" } });
  });
});
