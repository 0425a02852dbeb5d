import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { answerOf, askAs, askAsServer, askInNameOf } from "../support/server-api.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let server: ParleyProcess;
let alice: StockClient;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--limits-searches-per-second", "1", "--limits-searches-burst", "100000"],
  });
  alice = await joinStock(server, "alice");
});

afterAll(async () => {
  await alice.close();
  expect(await server.stop()).toBe(0);
});

async function search(userId: string, query: Record<string, string>) {
  const path = `/api/search?${new URLSearchParams(query)}`;
  return await answerOf(await askAs(server, userId, path));
}

/** What is found once something is: the index follows the messages. */
async function searchAtLast(userId: string, query: Record<string, string>) {
  for (;;) {
    const { status, body } = await search(userId, query);
    expect(status).toBe(200);
    if (body.results.length > 0) return body;
  }
}

async function send(userId: string, conversationId: string, body: object) {
  const path = `/api/conversations/${conversationId}/messages`;
  const { status, body: sent } = await answerOf(await askAs(server, userId, path, "POST", body));
  expect(status).toBe(201);
  return sent;
}

test("finds what was said by its words, in an excerpt that shows them", async () => {
  const sent = await send("alice", "cookery", {
    ...{ recipientId: "bob", content: "The <b>soufflé</b> needs twelve eggs" },
  });
  const { results, next } = await searchAtLast("bob", { q: "souffle egg" });
  expect(next).toBeNull();
  expect(results).toMatchObject([
    { message: { id: sent.id, seq: 1, senderId: "alice", conversationId: "cookery" } },
  ]);
  const { text, highlights } = results[0].excerpt;
  expect(highlights.map(([start, end]: [number, number]) => text.slice(start, end))).toEqual([
    ...["soufflé", "eggs"],
  ]);
  expect((await search("carol", { q: "souffle" })).body.results).toEqual([]);
  expect((await askInNameOf(server, "bob", "GET", "/api/search?q=eggs")).body.results).toHaveLength(
    1,
  );
});

test("follows edits and deletions, and who comes and goes", async () => {
  const group = { memberIds: ["bob"], title: "Zoo" };
  const { body } = await answerOf(
    await askAs(server, "alice", "/api/conversations", "POST", group),
  );
  const { id } = await send("alice", body.id, { content: "an aardvark" });
  await searchAtLast("bob", { q: "aardvark" });
  await askAs(server, "alice", `/api/messages/${id}`, "PATCH", { content: "a zebra" });
  expect((await searchAtLast("bob", { q: "zebra" })).results[0].message.id).toBe(id);
  expect((await search("bob", { q: "aardvark" })).body.results).toEqual([]);
  await askAs(server, "alice", `/api/conversations/${body.id}/members/bob`, "DELETE");
  expect((await search("bob", { q: "zebra" })).body.results).toEqual([]);
  expect((await search("alice", { q: "zebra" })).body.results).toHaveLength(1);
  await askAs(server, "alice", `/api/messages/${id}`, "DELETE");
  expect((await search("alice", { q: "zebra" })).body.results).toEqual([]);
});

test("pages by cursor, and narrows by conversation, sender and date", async () => {
  for (let count = 1; count <= 5; count += 1) {
    const sender = count % 2 === 0 ? "bob" : "alice";
    const recipientId = count % 2 === 0 ? "alice" : "bob";
    await send(sender, "weather", { recipientId, content: `It rains: ${count}` });
  }
  await searchAtLast("alice", { q: '"rains 5"' });
  const seqs: number[] = [];
  let cursor: string | null = null;
  do {
    const { body } = await search("alice", { q: "rain", limit: "2", ...(cursor && { cursor }) });
    seqs.push(...body.results.map(({ message }: { message: { seq: number } }) => message.seq));
    cursor = body.next;
  } while (cursor !== null);
  expect(seqs).toEqual([5, 4, 3, 2, 1]);
  const count = async (query: Record<string, string>) =>
    (await search("alice", { q: "rain", ...query })).body.results.length;
  expect(await count({ sender: "bob" })).toBe(2);
  expect(await count({ conversation: "weather", order: "relevance" })).toBe(5);
  expect(await count({ conversation: "cookery" })).toBe(0);
  expect(await count({ since: "2020-01-01T00:00:00Z" })).toBe(5);
  expect(await count({ until: "2020-01-01T00:00:00+02:00" })).toBe(0);
});

test("what cannot be searched for is refused", async () => {
  for (const query of [
    ...[
      { q: "" },
      { q: "!?" },
      { q: "a b c d e f g h i j k l m n o p q" },
      { q: "x".repeat(1_000) },
    ],
    ...[
      { q: "rain", since: "yesterday" },
      { q: "rain", cursor: "nowhere" },
    ],
    ...[
      { q: "rain", order: "best" },
      { q: "rain", limit: "0" },
    ],
  ]) {
    const { status, body } = await search("alice", query as Record<string, string>);
    expect([status, body.code]).toEqual([422, "VALIDATION_FAILED"]);
  }
  expect((await askAsServer(server, "GET", "/api/search?q=rain")).status).toBe(422);
});

test("a user may search so often", async () => {
  const limited = await startParley({
    flags: ["--limits-searches-per-second", "1", "--limits-searches-burst", "2"],
  });
  const ask = () => askAs(limited, "alice", "/api/search?q=rain");
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
  const refused = await ask();
  expect([refused.status, (await refused.json()).code]).toEqual([429, "RATE_LIMITED"]);
  expect((await askAs(limited, "bob", "/api/search?q=rain")).status).toBe(200);
  expect(await limited.stop()).toBe(0);
});
