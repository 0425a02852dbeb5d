import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { API_KEY, JWT_SECRET, type TokenClaims, tokenOf } from "../support/tokens.ts";

const env = { PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_API_KEYS: API_KEY };
const ERRORS = { id: "errors", destination: "/user/queue/errors" };

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ env });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const seconds = () => Math.floor(Date.now() / 1_000);

async function signedIn(claims: TokenClaims, to = server): Promise<RawClient> {
  const client = await RawClient.open(to.wsUrl);
  client.frameOf("CONNECT", { "accept-version": "1.2", passcode: await tokenOf(claims) });
  await client.frame("CONNECTED");
  await client.confirmed("SUBSCRIBE", ERRORS);
  return client;
}

/** The ERROR that a CONNECT with the token gets; null: it is accepted. */
async function refusal(token: string, to = server): Promise<string | null> {
  const client = await RawClient.open(to.wsUrl);
  client.frameOf("CONNECT", { "accept-version": "1.2", passcode: token });
  client.send("DISCONNECT\n\n\0");
  await client.closed;
  return client.frames[0]?.header("code") ?? null;
}

function refresh(client: RawClient, token: string): void {
  const body = JSON.stringify({ token });
  client.frameOf("SEND", { destination: "/app/auth.refresh", receipt: "refreshed" }, body);
}

async function post(path: string, body = "", to = server): Promise<unknown> {
  const headers = { "X-Api-Key": API_KEY };
  const answer = await fetch(to.url + path, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  return answer.json();
}

async function lastError(client: RawClient): Promise<string | undefined> {
  await client.closed;
  return client.frames.at(-1)?.header("code");
}

const eventCode = async (client: RawClient) =>
  JSON.parse((await client.frame("MESSAGE")).text()).code;

describe("a token's end", () => {
  test("is announced to its connection, and is the connection's", async () => {
    const exp = seconds() + 2;
    const client = await signedIn({ sub: "alice", exp });
    const warning = JSON.parse((await client.frame("MESSAGE")).text());
    expect(warning).toMatchObject({ code: "TOKEN_EXPIRING" });
    expect(Math.abs(Date.parse(warning.expiresAt) - exp * 1_000)).toBeLessThan(100);
    expect(await client.closed).toBe(1008);
    expect(client.frames.at(-1)?.header("code")).toBe("TOKEN_EXPIRED");
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
  });

  test("is put off by /app/auth.refresh, in place", async () => {
    const exp = seconds() + 2;
    const client = await signedIn({ sub: "alice", exp });
    expect(await eventCode(client)).toBe("TOKEN_EXPIRING");
    refresh(client, await tokenOf({ sub: "alice" }));
    await client.frame("RECEIPT");
    // Beside it one that is not refreshed ends, at the same time.
    const other = await signedIn({ sub: "alice", exp });
    expect(await lastError(other)).toBe("TOKEN_EXPIRED");
    await client.confirmed("SUBSCRIBE", { id: "m", destination: "/user/queue/messages" });
    client.close();
  });
});

test("/app/auth.refresh is no faster than messages", async () => {
  const flags = ["--limits-messages-per-second=1", "--limits-messages-burst=2"];
  const slow = await startParley({ env, flags });
  const client = await signedIn({ sub: "alice" }, slow);
  const token = await tokenOf({ sub: "alice" });
  for (let n = 0; n < 10; n += 1) refresh(client, token);
  expect(await eventCode(client)).toBe("RATE_LIMITED");
  client.close();
  expect(await slow.stop()).toBe(0);
});

describe("/app/auth.refresh refuses, and leaves the connection as it is,", () => {
  test.each([
    ["another user's token", () => tokenOf({ sub: "bob" })],
    ["an expired token", () => tokenOf({ sub: "alice", exp: seconds() - 3_600 })],
    ["a token of another secret", () => tokenOf({ sub: "alice" }, "x".repeat(40))],
    ["what is no token", () => Promise.resolve("nothing")],
  ])("%s", async (_, token) => {
    const client = await signedIn({ sub: "alice" });
    refresh(client, await token());
    expect(await eventCode(client)).toBe("REFRESH_REFUSED");
    await client.confirmed("SUBSCRIBE", { id: "m", destination: "/user/queue/messages" });
    client.close();
  });

  test("a body without a token", async () => {
    const client = await signedIn({ sub: "alice" });
    client.frameOf("SEND", { destination: "/app/auth.refresh" }, '{"token":"a b"}');
    expect(await eventCode(client)).toBe("VALIDATION_FAILED");
    client.close();
  });
});

test("a refresh with other roles ends the subscriptions that they do not allow", async () => {
  const flags = ["--access-rules", "/topic/staff/** all role:staff,/topic/all all everyone"];
  const ruled = await startParley({ env, flags });
  const client = await signedIn({ sub: "alice", roles: ["staff"] }, ruled);
  await client.confirmed("SUBSCRIBE", { id: "s", destination: "/topic/staff/news" });
  await client.confirmed("SUBSCRIBE", { id: "a", destination: "/topic/all" });
  const colleague = await signedIn({ sub: "bob", roles: ["staff"] }, ruled);
  await colleague.confirmed("SEND", { destination: "/topic/staff/news" }, "for staff");
  expect((await client.frame("MESSAGE")).text()).toBe("for staff");
  refresh(client, await tokenOf({ sub: "alice" }));
  await client.until("the refresh", () =>
    client.got("RECEIPT").some((frame) => frame.header("receipt-id") === "refreshed"),
  );
  await colleague.confirmed("SEND", { destination: "/topic/staff/news" }, "for staff again");
  await colleague.confirmed("SEND", { destination: "/topic/all" }, "for all");
  expect((await client.frame("MESSAGE")).text()).toBe("for all");
  client.close();
  colleague.close();
  expect(await ruled.stop()).toBe(0);
});

describe("the app's back end", () => {
  test("disconnects a user, who may come back", async () => {
    const [one, two, other] = [
      await signedIn({ sub: "carol" }),
      await signedIn({ sub: "carol" }),
      await signedIn({ sub: "dave" }),
    ];
    expect(await post("/api/users/carol/disconnect")).toEqual({ connections: 2 });
    expect([await lastError(one), await lastError(two)]).toEqual(["DISCONNECTED", "DISCONNECTED"]);
    await other.confirmed("SUBSCRIBE", { id: "m", destination: "/user/queue/messages" });
    expect(await refusal(await tokenOf({ sub: "carol" }))).toBeNull();
    expect(await post("/api/users/nobody/disconnect")).toEqual({ connections: 0 });
    other.close();
  });

  test("revokes one token by its id", async () => {
    const revoked = await tokenOf({ sub: "erin", jti: "t1" });
    const client = await signedIn({ sub: "erin", jti: "t1" });
    const other = await signedIn({ sub: "erin", jti: "t2" });
    expect(await post("/api/tokens/t1/revoke")).toEqual({ connections: 1 });
    expect(await lastError(client)).toBe("TOKEN_REVOKED");
    expect(await refusal(revoked)).toBe("TOKEN_REVOKED");
    const api = await fetch(`${server.url}/api/conversations`, {
      headers: { Authorization: `Bearer ${revoked}` },
    });
    expect([api.status, (await api.json()).code]).toEqual([401, "TOKEN_REVOKED"]);
    refresh(other, revoked);
    expect(await eventCode(other)).toBe("REFRESH_REFUSED");
    other.close();
  });

  test("revokes all that a user was given so far, over a restart too", async () => {
    using folder = new TemporaryFolder();
    const dataDir = folder.file("data");
    const restarted = await startParley({ env, dataDir });
    const old = await tokenOf({ sub: "frank" });
    const endless = await tokenOf({ sub: "frank", iat: null });
    const client = await signedIn({ sub: "frank" }, restarted);
    expect(await post("/api/users/frank/revoke", "", restarted)).toEqual({ connections: 1 });
    expect(await lastError(client)).toBe("TOKEN_REVOKED");
    const young = await tokenOf({ sub: "frank", iat: seconds() + 1 });
    const answers = async (to: ParleyProcess) => [
      await refusal(old, to),
      await refusal(endless, to),
      await refusal(young, to),
      await refusal(await tokenOf({ sub: "grace" }), to),
    ];
    const expected = ["TOKEN_REVOKED", "TOKEN_REVOKED", null, null];
    expect(await answers(restarted)).toEqual(expected);
    await restarted.kill();
    const again = await startParley({ env, dataDir });
    expect(await answers(again)).toEqual(expected);
    expect(await again.stop()).toBe(0);
  });

  test.each([
    ["no key", {}, "AUTHENTICATION_REQUIRED"],
    ["another key", { "X-Api-Key": `${API_KEY}x` }, "AUTHENTICATION_FAILED"],
    ["the key's beginning", { "X-Api-Key": API_KEY.slice(0, 32) }, "AUTHENTICATION_FAILED"],
    ["a user's name", { "X-User-Id": "alice" }, "AUTHENTICATION_REQUIRED"],
  ])("is not anybody with %s", async (_, headers, code) => {
    for (const path of ["users/a/disconnect", "users/a/revoke", "tokens/a/revoke"]) {
      const answer = await fetch(`${server.url}/api/${path}`, { method: "POST", headers });
      expect([answer.status, (await answer.json()).code]).toEqual([401, code]);
    }
  });
});
