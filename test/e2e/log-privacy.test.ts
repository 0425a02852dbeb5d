import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { JWT_SECRET, tokenOf } from "../support/tokens.ts";

/** What no line may hold, each of it unlike all else. */
class Secrets {
  readonly all = new Map<string, string>();

  /** A text that is secret as a whole. */
  marker(what: string): string {
    const marker = `s${randomBytes(12).toString("hex")}`;
    this.all.set(what, marker);
    return marker;
  }

  /** Each part of the token is as secret as the whole. */
  async token(what: string, userId: string, secret = JWT_SECRET): Promise<string> {
    const token = await tokenOf({ sub: userId, jti: randomBytes(12).toString("hex") }, secret);
    const [, payload = "", signature = ""] = token.split(".");
    this.all.set(`${what}, its payload`, payload);
    this.all.set(`${what}, its signature`, signature);
    return token;
  }

  eMail(what: string): string {
    return `${this.marker(what)}@mail.example`;
  }

  foundIn(text: string): string[] {
    const found = [...this.all].filter(([, secret]) => text.includes(secret));
    return found.map(([what]) => what);
  }
}

/** Everything that the server said to anybody. */
const answers: string[] = [];

async function opened(
  server: ParleyProcess,
  query = "",
  headers: Record<string, string> = {},
): Promise<RawClient> {
  return await RawClient.open(`${server.wsUrl}${query}`, [], headers);
}

/** The connection's frames, once it has ended. */
async function ended(client: RawClient): Promise<void> {
  await client.closed;
  answers.push(...client.messages.map(String));
}

async function refused(client: RawClient, headers: Record<string, string>): Promise<void> {
  client.frameOf("CONNECT", { "accept-version": "1.2", ...headers });
  await ended(client);
  expect(client.got("ERROR")).toHaveLength(1);
}

async function signedIn(client: RawClient, headers: Record<string, string> = {}) {
  client.frameOf("CONNECT", { "accept-version": "1.2", ...headers });
  await client.frame("CONNECTED");
  return client;
}

async function asked(server: ParleyProcess, path: string, init: RequestInit = {}): Promise<number> {
  const answer = await fetch(server.url + path, init);
  answers.push(await answer.text());
  return answer.status;
}

test("no token, body, e-mail address, cookie or key is in any line of the log, nor in an answer", async () => {
  const secrets = new Secrets();
  const dataDir = temporaryDir();
  const apiKey = secrets.marker("the API key").padEnd(40, "k");
  const server = await startParley({
    dataDir,
    flags: ["--log-level", "trace"],
    env: {
      PARLEY_JWT_SECRET: JWT_SECRET,
      PARLEY_COOKIE_JWT_NAME: "session",
      PARLEY_API_KEYS: apiKey,
    },
  });
  secrets.all.set("the JWT secret", JWT_SECRET);
  const ada = secrets.eMail("a user id");
  const bob = secrets.eMail("another user id");

  // Sign-ins that are refused: a forged token, and one that is none, wherever they may stand.
  const other = "another secret of the tests, long enough for it";
  for (const place of ["passcode", "Authorization", "query string", "cookie"]) {
    const forged = await secrets.token(`a forged token in ${place}`, ada, other);
    for (const token of [forged, secrets.marker(`no token in ${place}`)]) {
      const query = place === "query string" ? `?access_token=${token}&token=${token}` : "";
      const cookie = place === "cookie" ? { Cookie: `session=${token}; other=${token}` } : {};
      const headers: Record<string, string> =
        place === "passcode"
          ? { login: ada, passcode: token }
          : place === "Authorization"
            ? { Authorization: `Bearer ${token}` }
            : {};
      await refused(await opened(server, query, cookie), headers);
      const path = `/api/conversations${query}`;
      expect(await asked(server, path, { headers: { ...headers, ...cookie } })).toBe(401);
    }
  }

  // And good ones.
  const passcode = await secrets.token("a token in passcode", ada);
  const bearer = await secrets.token("a token in Authorization", ada);
  const cookie = await secrets.token("a token in a cookie", ada);
  const client = await signedIn(await opened(server), { login: ada, passcode });
  const second = await signedIn(await opened(server), { Authorization: `Bearer ${bearer}` });
  const third = await signedIn(await opened(server, "", { Cookie: `session=${cookie}` }));
  const asAda = { Authorization: `Bearer ${bearer}` };
  expect(await asked(server, "/api/conversations", { headers: asAda })).toBe(200);

  // Messages, with and without faults.
  const send = (to: string, body: string, headers = {}) =>
    client.confirmed("SEND", { destination: to, ...headers }, body);
  const message = (content: string) =>
    JSON.stringify({ conversationId: "c1", recipientId: bob, content });
  await send("/app/chat.send", message(secrets.marker("a message")));
  await send(`/topic/${ada}`, secrets.marker("a message to a topic"));
  await send("/queue/jobs", secrets.marker("a job"));
  client.frameOf(
    "SEND",
    { destination: "/app/chat.send" },
    `{"content": ${secrets.marker("no JSON")}`,
  );
  const invalid = { conversationId: "c1", content: 1, type: secrets.marker("a wrong field") };
  client.frameOf("SEND", { destination: "/app/chat.send" }, JSON.stringify(invalid));
  client.frameOf("SEND", { destination: `/app/chat.typing/${bob}` }, '{"isTyping":true}');
  client.frameOf("SEND", { destination: "/app/auth.refresh" }, `{"token":"${cookie}x"}`);
  const wrongToken = secrets.marker("no token to refresh with");
  client.frameOf("SEND", { destination: "/app/auth.refresh" }, `{"token":"${wrongToken}"}`);
  await client.confirmed("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
  client.frameOf("SEND", { destination: "/app/chat.send" }, secrets.marker("no JSON, told"));
  await client.frame("MESSAGE");
  client.frameOf("NONSENSE", { passcode: secrets.marker("an odd frame's passcode") }, message("x"));
  await ended(client);
  second.send(`SEND\n${secrets.marker("a header without a colon")}\n\n\0`);
  await ended(second);

  // HTTP.
  const odd = secrets.marker("a secret in a URL");
  for (const path of [
    `/api/nothing?token=${odd}&api_key=${odd}`,
    `/api/conversations/%E0%A4%A/messages?access_token=${odd}`,
    `/api/conversations?limit=${odd}`,
    `/ws/info?token=${odd}`,
    `/ws/000/s1/xhr?token=${odd}`,
    `/?token=${odd}`,
  ]) {
    await asked(server, path, { method: path.includes("/xhr") ? "POST" : "GET", headers: asAda });
  }
  const asServer = { "X-Api-Key": apiKey };
  const malformed = `{"memberIds": ${secrets.marker("a malformed body")}`;
  const create = { method: "POST", body: malformed };
  expect(await asked(server, "/api/conversations", { ...create, headers: asServer })).toBe(400);
  const wrongKey = { "X-Api-Key": secrets.marker("a wrong API key") };
  expect(await asked(server, "/api/conversations", { ...create, headers: wrongKey })).toBe(401);

  // Faults within: the database changes under the server.
  const db = new Database(join(dataDir, "parley.db"));
  db.run("PRAGMA busy_timeout = 10000"); // The server may be in a commit.
  db.run("ALTER TABLE users RENAME TO gone");
  db.run("ALTER TABLE messages RENAME TO gone_too");
  db.close();
  third.frameOf("SUBSCRIBE", { id: "m", destination: "/user/queue/messages" });
  third.frameOf("SEND", { destination: "/app/chat.send" }, message(secrets.marker("a lost one")));
  for (const path of ["/api/conversations/c1/messages", `/api/presence?users=${bob}`]) {
    expect(await asked(server, path, { headers: asAda })).toBeGreaterThanOrEqual(500);
  }
  third.close();
  await third.closed;
  await server.stop();

  const log = server.log();
  expect(secrets.foundIn(log)).toEqual([]);
  // All of that was logged, and is about the same two people.
  for (const line of ["Connection refused with an ERROR", "does not listen to its errors"]) {
    expect(log).toContain(line);
  }
  expect(log).toContain("no such table");
  const names = new Set(log.match(/\[e-mail [0-9a-f]{8}\]/g));
  expect(names.size).toBe(2);

  // People are told their own ids.
  for (const own of ["a user id", "another user id"]) secrets.all.delete(own);
  expect(secrets.foundIn(answers.join("\n"))).toEqual([]);
  rmSync(dataDir, { recursive: true });
});
