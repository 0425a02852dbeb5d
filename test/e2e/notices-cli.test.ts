import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import type { DeadLetter } from "../../src/notify/ports.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import {
  addDeadEvents,
  addDeadNotice,
  DIED_MS,
  killDueEvents,
  letterIds,
} from "../support/dead-letters.ts";
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

describe("parley notices", () => {
  let storage: Storage;
  let server: NotificationsServer;

  beforeEach(() => {
    storage = memoryStorage();
    server = startNotifications(storage.notices);
  });

  afterEach(async () => {
    await server.stop();
    await storage.close();
  });

  test("lists what could not be sent, as a table and as JSON", async () => {
    const { targetId } = await addDeadNotice(storage);
    const event = { id: "e1", type: "user.online", lane: "l", createdMs: 0, data: "{}" };
    await storage.webhooks.add([event]);
    await killDueEvents(storage, "status\u001b[2J 500");
    const [first = "", second = ""] = await letterIds(storage);
    const since = new Date(DIED_MS).toISOString();
    const { code, out, err } = await notices(server.url, ["dead"]);
    expect([code, err]).toEqual([0, ""]);
    expect(rowsOf(out)).toEqual([
      ["ID", "SINCE", "CHANNEL", "USER OR EVENT", "CONVERSATION", "ATTEMPTS", "REASON"],
      [first, since, "fcm", "bob", "chat", "7", "UNREGISTERED"],
      [second, since, "webhook", "user.online", "9", "status [2J 500"],
      [""],
    ]);
    const json = await notices(server.url, ["dead", "--json"]);
    expect(JSON.parse(json.out).deadLetters).toMatchObject([
      { id: first, targetId, diedAt: since },
      { id: second, eventId: "e1", reason: "status\u001b[2J 500" },
    ]);
  });

  test("lists more than a page, and says when there is nothing", async () => {
    expect((await notices(server.url, ["dead"])).out).toBe("Everything could be sent.\n");
    const ids = await addDeadEvents(storage, 450);
    const { deadLetters } = JSON.parse((await notices(server.url, ["dead", "--json"])).out);
    expect(deadLetters.map(({ id }: DeadLetter) => id)).toEqual(ids);
  });

  test("replays those that are named, and all", async () => {
    const [first = "", second = "", ...others] = await addDeadEvents(storage, 450);
    expect(await notices(server.url, ["replay", first, second])).toEqual({
      ...{ code: 0, out: "2 will be sent after all\n", err: "" },
    });
    expect(await letterIds(storage)).toEqual(others);
    expect((await notices(server.url, ["replay", "--all"])).out).toBe(
      "448 will be sent after all\n",
    );
    expect(await letterIds(storage)).toEqual([]);
  });

  test("is refused without the key, and with what is no id", async () => {
    await addDeadEvents(storage, 1);
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
    expect(await letterIds(storage)).toHaveLength(1);
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
