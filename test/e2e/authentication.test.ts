import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { BINARY, type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { connectStock } from "../support/stock-client.ts";

const SECRET = "a secret of the tests, long enough for HS256";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ env: { PARLEY_JWT_SECRET: SECRET } });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

function token(claims: Record<string, unknown>, secret = SECRET, alg = "HS256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

async function connectWith(
  headers: string,
): Promise<{ command: string; code: string | undefined; user: string | undefined }> {
  const client = await RawClient.open(server.wsUrl);
  client.send(`CONNECT\naccept-version:1.2\n${headers}\n\0`);
  client.send("DISCONNECT\n\n\0"); // Waits its turn behind the check of the token.
  await client.closed;
  const [answer] = client.frames;
  return {
    command: answer?.command ?? "",
    code: answer?.header("code"),
    user: answer?.header("user-name"),
  };
}

describe("with a JWT secret", () => {
  test("a token in Authorization, or in passcode, names the user", async () => {
    const jwt = await token({ sub: "u1", name: "Ursula" });
    expect(await connectWith(`Authorization:Bearer ${jwt}\n`)).toMatchObject({
      command: "CONNECTED",
      user: "u1",
    });
    expect(await connectWith(`login:ignored\npasscode:${jwt}\n`)).toMatchObject({
      command: "CONNECTED",
      user: "u1",
    });
  });

  test("senderName is the authenticated name, whatever the body says", async () => {
    const authorization = `Bearer ${await token({ sub: "u1", name: "Ursula" })}`;
    const sender = await connectStock(server, "u1", {
      config: { connectHeaders: { Authorization: authorization } },
    });
    await sender.sent("/app/chat.send", {
      conversationId: "c",
      recipientId: "u2",
      senderName: "Eve",
      content: "hi",
    });
    const answer = await fetch(`${server.url}/api/conversations/c/messages`, {
      headers: { Authorization: authorization },
    });
    expect(await answer.json()).toMatchObject({
      messages: [{ senderId: "u1", senderName: "Ursula" }],
    });
    await sender.close();
  });

  test("the binary makes tokens that it accepts", async () => {
    const child = Bun.spawnSync([BINARY, "token", "--user", "u3", "--name", "Tim"], {
      env: { PARLEY_JWT_SECRET: SECRET },
    });
    const jwt = child.stdout.toString().trim();
    expect(await connectWith(`Authorization:Bearer ${jwt}\n`)).toMatchObject({
      command: "CONNECTED",
      user: "u3",
    });
  });

  test("nothing else is believed", async () => {
    const now = Math.floor(Date.now() / 1000);
    const unsigned = `${btoa('{"alg":"none"}').replace(/=/g, "")}.${btoa('{"sub":"u1"}').replace(/=/g, "")}.`;
    const refused = {
      "X-User-Id:u1": "AUTHENTICATION_REQUIRED",
      "login:u1": "AUTHENTICATION_REQUIRED",
      "Authorization:Bearer nonsense": "AUTHENTICATION_FAILED",
      [`Authorization:Bearer ${unsigned}`]: "AUTHENTICATION_FAILED",
      [`Authorization:Bearer ${await token({ sub: "u1" }, "another secret that is long enough too")}`]:
        "AUTHENTICATION_FAILED",
      [`Authorization:Bearer ${await token({ sub: "u1" }, SECRET, "HS512")}`]:
        "AUTHENTICATION_FAILED",
      [`Authorization:Bearer ${await token({ name: "nobody" })}`]: "AUTHENTICATION_FAILED",
      [`Authorization:Bearer ${await token({ sub: "a/b" })}`]: "AUTHENTICATION_FAILED",
      [`Authorization:Bearer ${await token({ sub: "u1", exp: now - 3600 })}`]: "TOKEN_EXPIRED",
    };
    for (const [header, code] of Object.entries(refused)) {
      expect(await connectWith(`${header}\n`)).toMatchObject({ command: "ERROR", code });
    }
    const api = await fetch(`${server.url}/api/conversations`, { headers: { "X-User-Id": "u1" } });
    expect(api.status).toBe(401);
  });

  test("no token reaches the log", async () => {
    const jwt = await token({ sub: "logged" });
    await connectWith(`Authorization:Bearer ${jwt}\n`);
    await connectWith(`Authorization:Bearer ${jwt}x\n`);
    expect(server.log()).not.toContain(jwt);
  });
});

describe("on an address that others can reach", () => {
  function start(env: Record<string, string>): { exitCode: number; stderr: string } {
    const child = Bun.spawnSync(
      [BINARY, "serve", "--host", "0.0.0.0", "--port", "0", "--database-url", "memory:"],
      {
        env,
        timeout: 20_000,
      },
    );
    return { exitCode: child.exitCode, stderr: child.stderr.toString() };
  }

  test("the server does not start without authentication, and says what to set", () => {
    const { exitCode, stderr } = start({});
    expect(exitCode).toBe(1);
    expect(stderr).toContain("PARLEY_JWT_SECRET");
    expect(stderr).toContain("--insecure-trust-user-id");
  });

  test("a secret that is too short is refused, and not printed", () => {
    const { exitCode, stderr } = start({ PARLEY_JWT_SECRET: "short-secret" });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("32 bytes");
    expect(stderr).not.toContain("short-secret");
  });
});
