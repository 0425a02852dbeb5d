import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { newUuid } from "../../src/ids.ts";
import type { DeadLetter } from "../../src/notify/ports.ts";
import { MemoryNotices } from "../support/memory-notices.ts";
import { type NotificationsServer, startNotifications } from "../support/notifications-server.ts";
import { BINARY, startParley } from "../support/parley-process.ts";
import { API_KEY } from "../support/tokens.ts";

/** `parley notices`, and what it prints. */
async function notices(url: string, words: readonly string[], key = API_KEY) {
  const child = Bun.spawn([BINARY, "notices", ...words, "--url", url], {
    ...{ env: { PARLEY_API_KEYS: key }, stdout: "pipe", stderr: "pipe", cwd: tmpdir() },
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

const rowsOf = (text: string) => text.split("\n").map((line) => line.split(/ {2,}/));

function letter(rest: Partial<DeadLetter> = {}): DeadLetter {
  return {
    ...{ id: newUuid(), channel: "fcm", userId: "alice", targetId: newUuid(), seq: 3 },
    ...{ conversationId: "team", eventId: null, eventType: null, attempts: 7 },
    ...{ reason: "UNREGISTERED", diedMs: 0, ...rest },
  };
}

describe("parley notices", () => {
  let store: MemoryNotices;
  let server: NotificationsServer;

  beforeEach(() => {
    store = new MemoryNotices();
    server = startNotifications(store);
  });

  afterEach(() => server.stop());

  test("lists what could not be sent, as a table and as JSON", async () => {
    const event: Partial<DeadLetter> = {
      ...{ channel: "webhook", userId: null, targetId: null, seq: null, diedMs: 1_500 },
      ...{ eventId: "e1", eventType: "message.created", reason: "status\u001b[2J 500" },
    };
    store.letters = [letter(), letter(event)];
    const [first = "", second = ""] = store.letters.map(({ id }) => id);
    const [since, later] = ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.500Z"];
    const { code, out, err } = await notices(server.url, ["dead"]);
    expect([code, err]).toEqual([0, ""]);
    expect(rowsOf(out)).toEqual([
      ["ID", "SINCE", "CHANNEL", "USER OR EVENT", "CONVERSATION", "ATTEMPTS", "REASON"],
      [first, since, "fcm", "alice", "team", "7", "UNREGISTERED"],
      [second, later, "webhook", "message.created", "team", "7", "status [2J 500"],
      [""],
    ]);
    const json = await notices(server.url, ["dead", "--json"]);
    expect(JSON.parse(json.out).deadLetters).toMatchObject([
      { id: first, targetId: store.letters[0]?.targetId, diedAt: since },
      { id: second, eventId: "e1", reason: "status\u001b[2J 500" },
    ]);
  });

  test("lists more than a page, and says when there is nothing", async () => {
    expect((await notices(server.url, ["dead"])).out).toBe("Everything could be sent.\n");
    store.letters = Array.from({ length: 450 }, () => letter());
    const { deadLetters } = JSON.parse((await notices(server.url, ["dead", "--json"])).out);
    expect(deadLetters.map(({ id }: DeadLetter) => id)).toEqual(store.letters.map(({ id }) => id));
  });

  test("replays those that are named, and all", async () => {
    store.letters = Array.from({ length: 450 }, () => letter());
    const [first = "", second = "", ...others] = store.letters.map(({ id }) => id);
    expect(await notices(server.url, ["replay", first, second])).toEqual({
      ...{ code: 0, out: "2 will be sent after all\n", err: "" },
    });
    expect(store.letters.map(({ id }) => id)).toEqual(others);
    expect((await notices(server.url, ["replay", "--all"])).out).toBe(
      "448 will be sent after all\n",
    );
    expect(store.letters).toEqual([]);
  });

  test("is refused without the key, and with what is no id", async () => {
    store.letters = [letter()];
    const wrong = await notices(
      server.url,
      ["replay", "--all"],
      "another-key-of-32-characters-and-more",
    );
    expect([wrong.code, wrong.out]).toEqual([1, ""]);
    expect(wrong.err).toContain("does not know this API key");
    const odd = await notices(server.url, ["replay", "first"]);
    expect([odd.code, odd.out]).toEqual([1, ""]);
    expect(odd.err).toContain("answers with status 422");
    expect(store.letters).toHaveLength(1);
  });
});

test("a server that tells nobody has nothing that could not be sent", async () => {
  const server = await startParley({ env: { PARLEY_API_KEYS: API_KEY } });
  expect(await notices(server.url, ["dead"])).toEqual({
    ...{ code: 0, out: "Everything could be sent.\n", err: "" },
  });
  expect((await notices(server.url, ["replay", "--all"])).out).toBe("0 will be sent after all\n");
  expect(await server.stop()).toBe(0);
});

test("a server behind a proxy is asked below its path", async () => {
  const paths: string[] = [];
  const proxy = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: (request) => {
      paths.push(request.url.slice(request.url.indexOf("/", "http://".length)));
      return Response.json({ deadLetters: [], next: null });
    },
  });
  const { code } = await notices(`http://127.0.0.1:${proxy.port}/chat/`, ["dead"]);
  expect([code, paths]).toEqual([0, ["/chat/api/notifications/dead-letters?limit=200"]]);
  await proxy.stop(true);
});
