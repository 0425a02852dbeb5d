import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { askAs, askAsServer } from "../support/server-api.ts";
import { API_KEY } from "../support/tokens.ts";

let server: ParleyProcess;
let messageId: string;
let code: string;

beforeAll(async () => {
  server = await startParley({ env: { PARLEY_API_KEYS: API_KEY } });
  const group = { id: "team", memberIds: ["alice", "bob"], ownerId: "alice", title: "Team" };
  expect((await askAsServer(server, "POST", "/api/conversations", group)).status).toBe(201);
  messageId = await said("first");
  const path = "/api/conversations/team/invites";
  ({ code } = await (await askAs(server, "alice", path, "POST", {})).json());
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function said(content: string): Promise<string> {
  const path = "/api/conversations/team/messages";
  const answer = await askAs(server, "alice", path, "POST", { content });
  expect(answer.status).toBe(201);
  return (await answer.json()).id;
}

function ask(
  path: string,
  etag: string,
  headers: Record<string, string> = { "X-User-Id": "alice" },
) {
  return fetch(server.url + path, { headers: { ...headers, "If-None-Match": etag } });
}

async function tagOf(path: string): Promise<string> {
  const answer = await askAs(server, "alice", path);
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  return answer.headers.get("etag") ?? "none";
}

test("what did not change is not sent again; what did, is", async () => {
  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    "/api/conversations": () => said("for the list"),
    "/api/conversations/team": () =>
      askAs(server, "alice", "/api/conversations/team", "PATCH", { title: "Crew" }),
    "/api/conversations/team/members": () =>
      askAs(server, "alice", "/api/conversations/team/members/carol", "PUT"),
    "/api/conversations/team/messages?limit=50": () => said("for the history"),
    [`/api/messages/${messageId}/replies`]: () =>
      askAs(server, "alice", "/api/conversations/team/messages", "POST", {
        ...{ content: "a reply", replyTo: messageId },
      }),
    [`/api/messages/${messageId}/versions`]: () =>
      askAs(server, "alice", `/api/messages/${messageId}`, "PATCH", { content: "edited" }),
    [`/api/messages/${messageId}/status`]: () =>
      askAs(server, "bob", `/api/messages/${messageId}/read`, "POST"),
    "/api/conversations/team/pins": () =>
      askAs(server, "alice", `/api/messages/${messageId}/pin`, "PUT"),
    [`/api/invites/${code}`]: () =>
      askAs(server, "alice", "/api/conversations/team/members/dave", "PUT"),
    "/api/conversations/team/invites": () =>
      askAs(server, "alice", "/api/conversations/team/invites", "POST", {}),
    "/api/users?ids=alice": () =>
      askAs(server, "alice", "/api/users/alice", "PATCH", { name: "A" }),
    "/api/users/alice": () => askAs(server, "alice", "/api/users/alice", "PATCH", { name: "Al" }),
    "/api/blocks": () => askAs(server, "alice", "/api/blocks/mallory", "PUT"),
  };
  const document = await (await fetch(`${server.url}/api/openapi.json`)).json();
  const described = Object.entries<Record<string, { responses: object }>>(document.paths)
    // A file never changes.
    .filter(([path]) => path !== "/files/{id}")
    .flatMap(([, item]) => Object.values(item))
    .filter(({ responses }) => "304" in responses);
  expect(described).toHaveLength(Object.keys(changes).length);

  for (const [path, change] of Object.entries(changes)) {
    const etag = await tagOf(path);
    const same = await ask(path, etag);
    expect([path, same.status, await same.text()]).toEqual([path, 304, ""]);
    expect(same.headers.get("etag")).toBe(etag);
    expect(same.headers.get("cache-control")).toBe("private, no-cache");
    await change();
    const changed = await ask(path, etag);
    expect([path, changed.status]).toEqual([path, 200]);
    expect(changed.headers.get("etag")).not.toBe(etag);
    await changed.arrayBuffer();
  }
});

test("caches are told that answers are one caller's, by whatever says who that is", async () => {
  const answer = await askAs(server, "alice", "/api/conversations");
  await answer.arrayBuffer();
  const vary = (answer.headers.get("vary") ?? "").toLowerCase().split(/, */);
  for (const name of ["authorization", "x-api-key", "x-user-id", "origin"]) {
    expect(vary).toContain(name);
  }
});

test("who may not see it is refused, whatever they say they have", async () => {
  const path = "/api/conversations/team/messages?limit=50";
  const etag = await tagOf(path);
  for (const known of [etag, "*"]) {
    expect((await ask(path, known, { "X-User-Id": "mallory" })).status).toBe(404);
    expect((await ask(path, known, {})).status).toBe(401);
  }
  const bobs = await ask("/api/conversations/team", await tagOf("/api/conversations/team"), {
    "X-User-Id": "bob",
  });
  expect(bobs.status).toBe(200);
  expect(await bobs.json()).toMatchObject({ role: "member" });
});

test("what is not for keeping is not kept", async () => {
  for (const path of ["/api/presence", "/api/stats", "/api/conversations/nowhere"]) {
    const answer = await fetch(server.url + path, { headers: { "X-Api-Key": API_KEY } });
    await answer.arrayBuffer();
    expect([path, answer.headers.get("cache-control")]).toEqual([path, "no-store"]);
    expect(answer.headers.has("etag")).toBe(false);
  }
});
