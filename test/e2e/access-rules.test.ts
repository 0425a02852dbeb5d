import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { JWT_SECRET, tokenOf } from "../support/tokens.ts";

const env = { PARLEY_JWT_SECRET: JWT_SECRET };
const RULES = "/topic/news/** subscribe everyone,/topic/news/** send role:editor";

let ruled: ParleyProcess;
let unruled: ParleyProcess;

beforeAll(async () => {
  ruled = await startParley({ env, flags: ["--access-rules", RULES] });
  unruled = await startParley({ env });
});

afterAll(async () => {
  expect([await ruled.stop(), await unruled.stop()]).toEqual([0, 0]);
});

async function signIn(
  to: ParleyProcess,
  roles: readonly string[] = [],
  handshake: Readonly<Record<string, string>> = {},
): Promise<RawClient> {
  const client = await RawClient.open(to.wsUrl, [], handshake);
  const passcode = await tokenOf({ sub: "alice", roles });
  client.frameOf("CONNECT", { "accept-version": "1.2", passcode });
  await client.frame("CONNECTED");
  return client;
}

async function listening(...to: Parameters<typeof signIn>): Promise<RawClient> {
  const client = await signIn(...to);
  await client.confirmed("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
  return client;
}

const errorOf = async (client: RawClient) => JSON.parse((await client.frame("MESSAGE")).text());

describe("rules", () => {
  test("let those publish who have the role, and all others listen", async () => {
    const [reader, editor] = [await listening(ruled), await signIn(ruled, ["editor"])];
    await reader.confirmed("SUBSCRIBE", { id: "n", destination: "/topic/news/*" });
    await editor.confirmed("SEND", { destination: "/topic/news/eu" }, "news");
    expect((await reader.frame("MESSAGE")).text()).toBe("news");
    reader.frameOf("SEND", { destination: "/topic/news/eu", receipt: "r" }, "forged");
    expect(await errorOf(reader)).toMatchObject({
      ...{ code: "FORBIDDEN_DESTINATION", destination: "/topic/news/eu", receiptId: "r" },
    });
    reader.close();
    editor.close();
  });

  test("are an ERROR to a client that does not listen to its errors", async () => {
    const client = await signIn(ruled);
    client.frameOf("SUBSCRIBE", { id: "s", destination: "/topic/other" });
    expect((await client.frame("ERROR")).header("code")).toBe("FORBIDDEN_DESTINATION");
    expect(await client.closed).toBe(1008);
  });

  test("hold in transactions too, which they end", async () => {
    const client = await listening(ruled);
    client.frameOf("BEGIN", { transaction: "t" });
    client.frameOf("SEND", { destination: "/topic/news/eu", transaction: "t" }, "forged");
    expect((await client.frame("ERROR")).header("code")).toBe("FORBIDDEN_DESTINATION");
  });
});

describe("without rules", () => {
  test("a client of this machine may use every topic and queue", async () => {
    const client = await listening(unruled);
    await client.confirmed("SUBSCRIBE", { id: "t", destination: "/topic/any.*" });
    await client.confirmed("SUBSCRIBE", { id: "q", destination: "/queue/any" });
    await client.confirmed("SEND", { destination: "/queue/any" }, "job");
    expect((await client.frame("MESSAGE")).text()).toBe("job");
    client.close();
  });

  test.each([
    ["SUBSCRIBE", "/topic/any"],
    ["SUBSCRIBE", "/topic/#"],
    ["SUBSCRIBE", "/queue/any"],
    ["SEND", "/topic/any"],
    ["SEND", "/queue/any"],
  ])("one that came through a proxy may not: %s %s", async (command, destination) => {
    const client = await listening(unruled, [], { "X-Forwarded-For": "203.0.113.7" });
    client.frameOf(command, { id: "x", destination });
    expect(await errorOf(client)).toMatchObject({ code: "FORBIDDEN_DESTINATION", destination });
    client.close();
  });
});
