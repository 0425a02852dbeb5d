import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@stomp/stompjs";
import { SignJWT } from "jose";
import type { Browser } from "playwright-core";
import type SockJS from "sockjs-client";
import { ChatTab, launchChromium } from "../support/browser.ts";
import { newCertificate } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { StockClient } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

const NGINX = Bun.which("nginx", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
const EXAMPLE = join(import.meta.dir, "../../docs/examples/nginx.conf");
const SECRET = "a secret that is long enough for HS256";
const HOST = "localhost";

const STOMP_SCRIPT = join(
  import.meta.dir,
  "../../node_modules/@stomp/stompjs/bundles/stomp.umd.min.js",
);

let browser: Browser;
let folder: TemporaryFolder;
let parley: ParleyProcess;
let open: ParleyProcess;
const running: Bun.Subprocess[] = [];
const clients: StockClient[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  folder = new TemporaryFolder();
  parley = await startParley({ env: { PARLEY_JWT_SECRET: SECRET } });
  open = await startParley();
});

afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

afterAll(async () => {
  await browser.close();
  for (const child of running) {
    child.kill("SIGTERM");
    await child.exited;
  }
  await Promise.all([parley.stop(), open.stop()]);
  folder[Symbol.dispose]();
});

interface Proxy {
  readonly url: string;
  readonly plainUrl: string;
}

/** The example of the documentation, with ports and files of this machine, or `without` a line of it. */
async function nginx(upstream: ParleyProcess, without?: string): Promise<Proxy> {
  if (NGINX === null) throw new Error("nginx is missing (Debian: apt-get install nginx-light)");
  const [port, plain] = [await freePort(), await freePort()];
  const prefix = folder.file(`nginx-${port}`);
  const { cert, key } = newCertificate("nginx");
  const example = readFileSync(EXAMPLE, "utf8")
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${upstream.port}`)
    .replaceAll("chat.example$request_uri", `${HOST}:${port}$request_uri`)
    .replaceAll("listen 80;", `listen 127.0.0.1:${plain};`)
    .replaceAll("listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`)
    .replaceAll(/\/etc\/letsencrypt\/live\/chat\.example/g, prefix)
    .replaceAll("chat.example", HOST)
    .replace(without ?? "", "");
  const conf = [
    `daemon off; worker_processes 1; error_log ${prefix}/error.log;`,
    `pid ${prefix}/nginx.pid; events {}`,
    "http { access_log off;",
    ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${prefix}/${name};`,
    ),
    example,
    "}",
  ];
  await Bun.write(join(prefix, "fullchain.pem"), cert);
  writeFileSync(join(prefix, "privkey.pem"), key);
  writeFileSync(join(prefix, "nginx.conf"), conf.join("\n"));
  const child = Bun.spawn([NGINX, "-p", prefix, "-c", join(prefix, "nginx.conf")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  running.push(child);
  const url = `https://${HOST}:${port}`;
  for (;;) {
    const answer = await fetch(`${url}/healthz`, insecure()).catch(() => null);
    if (answer?.status === 200) break;
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    await Bun.sleep(20);
  }
  return { url, plainUrl: `http://${HOST}:${plain}` };
}

function insecure(headers: Record<string, string> = {}): BunFetchRequestInit {
  return { headers, redirect: "manual", tls: { rejectUnauthorized: false } };
}

function token(userId: string): Promise<string> {
  return new SignJWT({ name: userId })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(userId)
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(SECRET));
}

async function connected(
  userId: string,
  connectHeaders: Record<string, string>,
  webSocketFactory: () => WebSocket,
): Promise<StockClient> {
  const stomp = new Client({ webSocketFactory, connectHeaders, reconnectDelay: 0 });
  const client = new StockClient(userId, stomp);
  clients.push(client);
  stomp.onConnect = () => {
    client.connects += 1;
    client.note();
  };
  stomp.activate();
  await client.until(() => client.connects + client.errors.length > 0, "an answer to CONNECT");
  return client;
}

function overWss(url: string): () => WebSocket {
  const wss = `${url.replace("https:", "wss:")}/ws`;
  return () => Reflect.construct(WebSocket, [wss, { tls: { rejectUnauthorized: false } }]);
}

test("stock clients over wss, and the API", async () => {
  const { url } = await nginx(parley);
  const bearer = async (userId: string) => ({ Authorization: `Bearer ${await token(userId)}` });
  const alice = await connected("alice", await bearer("alice"), overWss(url));
  const bob = await connected("bob", await bearer("bob"), overWss(url));
  await bob.subscribed("/user/queue/messages");
  await alice.sent("/app/chat.send", { conversationId: "c", recipientId: "bob", content: "hi" });
  expect(await bob.event("/user/queue/messages")).toMatchObject({ content: "hi" });
  const path = "/api/conversations/c/messages";
  const history = await fetch(url + path, insecure(await bearer("alice")));
  expect(await history.json()).toMatchObject({ messages: [{ content: "hi" }] });
  expect((await fetch(url + path, insecure())).status).toBe(401);
});

test("the page chats, and SockJS streams frame by frame", async () => {
  const { url } = await nginx(parley);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true });
  const tab = await ChatTab.blank(browser, context);
  await tab.page.goto(`${url}/?token=${await token("alice")}`);
  await tab.online();
  const script = `${url}/ws/sockjs.min.js`;
  await tab.page.goto(`${url}/ws`);
  await tab.page.addScriptTag({ url: script });
  await tab.page.addScriptTag({ path: STOMP_SCRIPT });
  const connectHeaders = { Authorization: `Bearer ${await token("carol")}` };
  const got = await tab.page.evaluate(
    ({ base, headers }) =>
      new Promise<string[]>((resolve, reject) => {
        const received: string[] = [];
        const Sock: typeof SockJS = Reflect.get(window, "SockJS");
        const Stomp: { Client: typeof Client } = Reflect.get(window, "StompJs");
        const client = new Stomp.Client({
          webSocketFactory: () => new Sock(base, null, { transports: ["xhr-streaming"] }),
          connectHeaders: headers,
          onStompError: ({ body }) => reject(new Error(body)),
          onConnect: () => {
            client.subscribe("/user/queue/confirmations", ({ body }) => {
              received.push(JSON.parse(body).status);
              resolve(received);
            });
            const body = { conversationId: "s", recipientId: "bob", content: "streamed" };
            client.publish({ destination: "/app/chat.send", body: JSON.stringify(body) });
          },
        });
        client.activate();
      }),
    { base: `${url}/ws`, headers: connectHeaders },
  );
  expect(got).toEqual(["SENT"]);
  expect(tab.faults).toEqual([]);
});

test("a file of a message comes in, and goes out by its link in parts", async () => {
  const { url } = await nginx(parley);
  const authorization = { Authorization: `Bearer ${await token("alice")}` };
  const body = "0123456789".repeat(2 << 17); // Larger than other bodies may be.
  const sent = await fetch(`${url}/api/attachments?name=digits`, {
    ...{ ...insecure(authorization), method: "POST", body },
  });
  expect(sent.status).toBe(201);
  const { id, size } = await sent.json();
  expect(size).toBe(body.length);
  const links = await (await fetch(`${url}/api/attachments/${id}`, insecure(authorization))).json();
  const part = await fetch(url + links.url, insecure({ range: "bytes=1000003-1000005" }));
  expect([part.status, await part.text()]).toEqual([206, "345"]);
});

test("events stream one by one, also where nginx buffers what does not forbid it", async () => {
  const { url } = await nginx(parley, "proxy_buffering off;");
  const ask = insecure({ Authorization: `Bearer ${await token("dora")}` });
  const stream = await fetch(`${url}/api/events`, ask);
  expect(stream.status).toBe(200);
  const reader = (stream.body ?? expect.unreachable("no body")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) text += decoder.decode((await reader.read()).value);
  };
  await until("event: ready");
  const alice = await connected(
    "alice",
    { Authorization: `Bearer ${await token("alice")}` },
    overWss(url),
  );
  for (const content of ["one", "two"]) {
    await alice.sent("/app/chat.send", { conversationId: "e", recipientId: "dora", content });
    await until(`"content":"${content}"`);
  }
  await reader.cancel();
});

test("a name that nobody proves is not believed through a proxy", async () => {
  const { url } = await nginx(open);
  const mallory = await connected("mallory", { "X-User-Id": "alice" }, overWss(url));
  expect(mallory.errors).toEqual(["AUTHENTICATION_FAILED"]);
  const answer = await fetch(`${url}/api/conversations`, insecure({ "X-User-Id": "alice" }));
  expect(answer.status).toBe(401);
});

test("plain HTTP is redirected, other pages are kept out, and bodies have a limit", async () => {
  const { url, plainUrl } = await nginx(parley);
  const redirected = await fetch(`${plainUrl}/a?b=c`, insecure());
  expect(redirected.status).toBe(308);
  expect(redirected.headers.get("location")).toBe(`${url}/a?b=c`);
  const from = (origin: string) => fetch(`${url}/ws/info`, insecure({ Origin: origin }));
  expect((await from(url)).status).toBe(200);
  for (const origin of ["https://evil.example", url.replace("https:", "http:"), "null"]) {
    expect((await from(origin)).status).toBe(403);
  }
  const body = "x".repeat(2 << 20);
  const posted = await fetch(`${url}/ws/0/0/xhr_send`, { ...insecure(), method: "POST", body });
  expect(posted.status).toBe(413);
});
