import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connectionsOf } from "../support/connections.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { WitnessedServer } from "../support/witnessed-server.ts";

const SESSIONS = 40;

let scene: WitnessedServer;

beforeAll(async () => {
  scene = await WitnessedServer.start(["--sockjs-grace-ms=200", `--sockjs-sessions=${SESSIONS}`]);
});

afterAll(() => scene.stop());

const CONNECT = "CONNECT\naccept-version:1.2\nX-User-Id:mallory\n\n\0";
const ASKED = "SEND\ndestination:/topic/a\nreceipt:told\n\n\0";
const MIB = 1_048_576;

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

/** A request to a session's URL, for one transport or another. */
function ask(path: string, { method = "POST", body, headers = {} }: Asked = {}) {
  return fetch(`${scene.server.url}/ws/000/${path}`, { method, body: body ?? null, headers });
}

let made = 0;

/** A session with STOMP's CONNECTED behind it. */
async function connect(): Promise<string> {
  made += 1;
  const session = `hostile-${made}`;
  expect(await (await ask(`${session}/xhr`)).text()).toBe("o\n");
  await ask(`${session}/xhr_send`, { body: JSON.stringify([CONNECT]) });
  expect(await (await ask(`${session}/xhr`)).text()).toStartWith('a["CONNECTED');
  return session;
}

describe("is refused before there is a session", () => {
  const long = "x".repeat(10_000);
  const cases: [name: string, status: number, path: string, asked: Asked][] = [
    ["a message to nobody", 404, "nobody/xhr_send", { body: JSON.stringify([ASKED]) }],
    ["a session like part of every object", 404, "__proto__/xhr_send", { body: '["x"]' }],
    ["a session of 129 letters", 404, `${"s".repeat(129)}/xhr`, {}],
    ["a session with a dot", 404, "a.b/xhr", {}],
    ["an unknown transport", 404, "a/xhr_receive", {}],
    ["a transport in capitals", 404, "a/XHR", {}],
    ["polling by GET", 405, "a/xhr", { method: "GET" }],
    ["sending by PUT", 405, "a/xhr_send", { method: "PUT", body: '["x"]' }],
    ["JSONP without a callback", 500, "a/jsonp", { method: "GET" }],
    ["a callback that is a program", 500, "a/jsonp?c=alert(1)//", { method: "GET" }],
    ["a callback that is a page", 500, "a/htmlfile?c=%3Cscript%3E", { method: "GET" }],
    ["a callback with a line end", 500, "a/jsonp?c=x%E2%80%A8y", { method: "GET" }],
    ["a callback of 10 KB", 500, `a/jsonp?c=${long}`, { method: "GET" }],
    ["a body over a MiB", 413, "a/xhr_send", { body: "x".repeat(MIB + 1) }],
    ["a page of a foreign origin", 403, "a/xhr", { headers: { origin: "https://evil.example" } }],
  ];
  test.each(cases)("%s: %i", async (_name, status, path, asked) => {
    const answer = await ask(path, asked);
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toMatch(/alert|<script>|xxxxx/);
    await scene.expectUnharmed();
  });
});

describe("is no message, and harms only itself", () => {
  const cases: [name: string, body: string][] = [
    ["nothing", ""],
    ["no JSON", "hello"],
    ["half an array", '["hello"'],
    ["an object", '{"0":"hello"}'],
    ["a number beside a string", `[${JSON.stringify(ASKED)},1]`],
    ["arrays as deep as a message allows", "[".repeat(500_000)],
  ];
  test.each(cases)("%s", async (_name, body) => {
    const session = await connect();
    const refusal = await ask(`${session}/xhr_send`, { body });
    expect(refusal.status).toBe(500);
    await ask(`${session}/xhr_send`, { body: JSON.stringify([ASKED]) });
    expect(await (await ask(`${session}/xhr`)).text()).toContain("receipt-id:told");
    await ask(`${session}/xhr_send`, { body: JSON.stringify(["DISCONNECT\n\n\0"]) });
  });
});

test("a malformed frame gets an ERROR and the close frame, and nothing behind it is handled", async () => {
  const session = await connect();
  const body = JSON.stringify(["SEND\nno colon\n\n\0", ASKED]);
  expect((await ask(`${session}/xhr_send`, { body })).status).toBe(204);
  expect((await ask(`${session}/xhr_send`, { body })).status).toBe(404);
  const told = await (await ask(`${session}/xhr`)).text();
  const ended = await (await ask(`${session}/xhr`)).text();
  expect(told).toContain("MALFORMED_FRAME");
  expect(told + ended).not.toContain("RECEIPT");
  expect(ended).toStartWith("c[1002,");
  await scene.expectUnharmed();
});

test("a second request that receives is refused, and the first goes on", async () => {
  const session = await connect();
  const first = ask(`${session}/xhr`);
  // Whichever of the two comes second is told; the other waits on.
  const second = await Promise.race([ask(`${session}/xhr`), first]);
  expect(await second.text()).toBe('c[2010,"Another connection still open"]\n');
  await ask(`${session}/xhr_send`, { body: JSON.stringify([ASKED]) });
  await scene.expectUnharmed();
});

test("another page does not find the session", async () => {
  const own = { origin: "http://localhost:1111" };
  expect((await ask("of-a-page/xhr", { headers: own })).status).toBe(200);
  const foreign = { origin: "http://localhost:2222" };
  const body = JSON.stringify([CONNECT]);
  expect((await ask("of-a-page/xhr_send", { body, headers: foreign })).status).toBe(404);
  expect((await ask("of-a-page/xhr_send", { body, headers: own })).status).toBe(204);
});

test("a body that does not come holds nobody up, nor one that breaks off", async () => {
  const session = await connect();
  const head = `POST /ws/000/${session}/xhr_send HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n["`;
  const slow = await RawSocket.open(scene.port);
  slow.write(head);
  const broken = await RawSocket.open(scene.port);
  broken.write(head);
  broken.end();
  await ask(`${session}/xhr_send`, { body: JSON.stringify([ASKED]) });
  expect(await (await ask(`${session}/xhr`)).text()).toContain("receipt-id:told");
  await scene.expectUnharmed();
  slow.end();
});

test("more sessions than there may be are refused, and forgotten ones make room", async () => {
  const statuses = async () => {
    const asked = Array.from({ length: 2 * SESSIONS }, (_, index) => ask(`many-${index}/xhr`));
    return (await Promise.all(asked)).map(({ status }) => status);
  };
  expect(await statuses()).toContain(503);
  await scene.expectUnharmed();
  while ((await connectionsOf(scene.server)) !== 1) await scene.expectUnharmed();
  expect((await ask("room-again/xhr")).status).toBe(200);
});
