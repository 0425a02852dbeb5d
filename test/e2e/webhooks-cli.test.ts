import { afterEach, describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import type { AddedAgain } from "../../src/notify/webhook-ports.ts";
import { type NotificationsServer, startNotifications } from "../support/notifications-server.ts";
import { BINARY } from "../support/parley-process.ts";
import { API_KEY } from "../support/tokens.ts";

const ID = "019a3c1e-0000-7000-8000-000000000001";

let server: NotificationsServer;

afterEach(() => server.stop());

/** `parley webhooks replay`, and what it prints. */
async function replay() {
  const words = ["webhooks", "replay", "--from", "2026-01-01T00:00:00Z", "--url", server.url];
  const child = Bun.spawn([BINARY, ...words], {
    ...{ env: { PARLEY_API_KEYS: API_KEY }, stdout: "pipe", stderr: "pipe", cwd: tmpdir() },
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

describe("parley webhooks replay", () => {
  test("asks until all messages are told anew, and says how many", async () => {
    const answers: AddedAgain[] = [
      { count: 10_000, next: ID },
      { count: 7, next: null },
    ];
    const asked: [number, string | null][] = [];
    server = startNotifications(null, {
      add: async (...question) => {
        asked.push(question);
        return answers[asked.length - 1] ?? { count: 0, next: null };
      },
    });
    expect(await replay()).toEqual({ code: 0, out: "10007 messages are told anew\n", err: "" });
    const fromMs = Date.UTC(2026, 0, 1);
    expect(asked).toEqual([
      [fromMs, null],
      [fromMs, ID],
    ]);
  });

  test("says how far it has come when it is refused", async () => {
    let requests = 0;
    server = startNotifications(null, {
      add: async () => {
        requests += 1;
        if (requests > 1) throw new Error("a fault");
        return { count: 10_000, next: ID };
      },
    });
    const { code, out, err } = await replay();
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("answers with status 500");
    expect(err).toContain("10000 messages before that are told anew");
  });

  test("says that a server has no webhook", async () => {
    server = startNotifications(null);
    const { code, err } = await replay();
    expect(code).toBe(1);
    expect(err).toContain("answers with status 404");
  });
});
