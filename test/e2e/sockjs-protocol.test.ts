import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { type RawAnswer, type RawHead, RawHttp, type RawRequest } from "../support/raw-http.ts";

/**
 * The public suite sockjs-protocol 0.3.4 case by case, over sockets that show every byte, on the services that
 * such suites expect. `docs/sockjs-protocol.md` says which test shows which requirement.
 */
let server: ParleyProcess;
const connections: RawHttp[] = [];

beforeAll(async () => {
  server = await startParley({ flags: ["--sockjs-test-services"] });
});

afterAll(() => server.stop());

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
});

async function open(): Promise<RawHttp> {
  const connection = await RawHttp.open(server.port);
  connections.push(connection);
  return connection;
}

/** A request on a connection of its own. */
async function ask(method: string, path: string, request: RawRequest = {}): Promise<RawAnswer> {
  return (await open()).ask(method, path, request);
}

const get = (path: string, headers = {}) => ask("GET", path, { headers });
const post = (path: string, body = "", headers = {}) => ask("POST", path, { headers, body });
const form = { "Content-Type": "application/x-www-form-urlencoded" };

let sessions = 0;

/** A path of a session that nobody has used. */
function session(service = "/echo"): string {
  sessions += 1;
  return `${service}/000/session-${sessions}`;
}

/** A receiving request that streams; its prelude is read. */
async function stream(
  path: string,
  method = "POST",
): Promise<{ head: RawHead; out: RawHttp; prelude: string }> {
  const out = await open();
  const head = await out.start(method, path);
  return { head, out, prelude: await out.chunk() };
}

/**
 * Opens a session and polls twice at once. Whichever poll is answered first is the second one to the
 * server; the other waits.
 */
async function pollTwice(path: string): Promise<{ waiting: RawHttp; refusal: RawAnswer }> {
  expect((await post(`${path}/xhr`)).body).toBe("o\n");
  const polls = [await open(), await open()] as const;
  const arrivals = polls.map(async (poll, index) => {
    await poll.send("POST", `${path}/xhr`);
    await poll.arrival();
    return index;
  });
  const isFirstRefused = (await Promise.race(arrivals)) === 0;
  const [refused, waiting] = isFirstRefused ? polls : [polls[1], polls[0]];
  return { waiting, refusal: await refused.answer() };
}

const UNCACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

function expectUncached({ headers }: RawHead): void {
  expect(headers.get("cache-control")).toBe(UNCACHED);
  expect(headers.has("expires")).toBe(false);
  expect(headers.has("last-modified")).toBe(false);
}

function expectCachedForAYear({ headers }: RawHead): void {
  expect(headers.get("cache-control")).toBe("public, max-age=31536000");
  expect(Date.parse(headers.get("expires") ?? "")).toBeGreaterThan(Date.now());
  expect(headers.has("last-modified")).toBe(false);
}

function expectCors({ headers }: RawHead, origin: string): void {
  expect(headers.get("access-control-allow-origin")).toBe(origin);
  expect(headers.get("access-control-allow-credentials")).toBe("true");
}

async function expectPreflight(path: string, methods: string): Promise<void> {
  const headers = { Origin: "http://page.test", "Access-Control-Request-Method": "POST" };
  const answer = await ask("OPTIONS", path, { headers });
  expect([answer.status, answer.body]).toEqual([204, ""]);
  expectCachedForAYear(answer);
  expectCors(answer, "http://page.test");
  expect(answer.headers.get("access-control-allow-methods")).toBe(methods);
  expect(answer.headers.get("access-control-max-age")).toBe("31536000");
}

function expectCookie({ headers }: RawHead, value: string): void {
  expect(headers.get("set-cookie")).toBe(`JSESSIONID=${value}; Path=/`);
}

test("BaseUrlGreeting: the base URL greets, with and without a slash", async () => {
  for (const path of ["/echo", "/echo/"]) {
    const answer = await get(path);
    expect([answer.status, answer.body]).toEqual([200, "Welcome to SockJS!\n"]);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    expect(answer.headers.has("set-cookie")).toBe(false);
  }
});

test("BaseUrlGreeting: other paths below it are not found", async () => {
  for (const suffix of ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"]) {
    expect([suffix, (await get(`/echo${suffix}`)).status]).toEqual([suffix, 404]);
  }
});

test("IframePage: plain, versioned and queried URLs give the same page", async () => {
  const plain = await get("/echo/iframe.html");
  expect(plain.status).toBe(200);
  expect(plain.headers.get("content-type")).toBe("text/html; charset=UTF-8");
  expectCachedForAYear(plain);
  expect(plain.headers.has("set-cookie")).toBe(false);
  expect(plain.body.trim()).toMatch(/^<!DOCTYPE html>\n<html>\n<head>\n {2}<meta http-equiv="X-UA/);
  expect(plain.body).toContain(
    "document.domain = document.domain;\n    SockJS.bootstrap_iframe();",
  );
  for (const version of ["-a", "-", "-0.1.2", "-0.1.2abc-dirty.2144", "-a", "-0.1.2"]) {
    for (const query of ["", "?t=1234"]) {
      const answer = await get(`/echo/iframe${version}.html${query}`);
      expect([answer.status, answer.body]).toEqual([200, plain.body]);
    }
  }
});

test("IframePage: its script has an absolute URL and is there", async () => {
  const { body } = await get("/echo/iframe.html");
  const url = /<script src="([^"]*)">/.exec(body)?.[1] ?? "";
  expect(url).toMatch(/^(\/|http)/);
  const script = await get(url);
  expect(script.status).toBe(200);
  expect(script.headers.get("content-type")).toBe("application/javascript; charset=UTF-8");
  expect(script.body).toContain("bootstrap_iframe");
});

test("IframePage: malformed URLs are not found", async () => {
  const suffixes = ["/iframe.htm", "/iframe", "/IFRAME.HTML", "/IFRAME", "/iframe.HTML"];
  for (const suffix of [...suffixes, "/iframe.xml", "/iframe-/.html"]) {
    expect([suffix, (await get(`/echo${suffix}`)).status]).toEqual([suffix, 404]);
  }
});

test("IframePage: who has it is told so", async () => {
  const etag = (await get("/echo/iframe.html")).headers.get("etag") ?? "";
  expect(etag).toMatch(/^"\w+"$/);
  expect((await get("/echo/iframe.html")).headers.get("etag")).toBe(etag);
  const known = await get("/echo/iframe.html", { "If-None-Match": etag });
  expect([known.status, known.body]).toEqual([304, ""]);
  expect(known.headers.has("content-type")).toBe(false);
  expect((await get("/echo/iframe.html", { "If-None-Match": '"other"' })).status).toBe(200);
});

test("InfoTest: it tells what the service offers, uncached, to pages of other origins", async () => {
  const answer = await get("/echo/info", { Origin: "test" });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json; charset=UTF-8");
  expect(answer.headers.has("set-cookie")).toBe(false);
  expectUncached(answer);
  expectCors(answer, "test");
  const info = JSON.parse(answer.body);
  expect(info).toMatchObject({ websocket: true, cookie_needed: false, origins: ["*:*"] });
  expect(Number.isInteger(info.entropy)).toBe(true);
});

test("InfoTest: entropy differs from time to time", async () => {
  const answers = await Promise.all([get("/echo/info"), get("/echo/info"), get("/echo/info")]);
  const entropies = answers.map(({ body }) => JSON.parse(body).entropy);
  expect(new Set(entropies).size).toBe(3);
  for (const entropy of entropies) {
    expect(entropy).toBeGreaterThanOrEqual(0);
    expect(entropy).toBeLessThan(2 ** 32);
  }
});

test("InfoTest: OPTIONS is answered for a year", async () => {
  await expectPreflight("/echo/info", "OPTIONS, GET");
});

test("InfoTest: a page without an origin of its own may ask", async () => {
  const headers = { Origin: "null", "Access-Control-Request-Method": "POST" };
  const answer = await ask("OPTIONS", "/echo/info", { headers });
  expect([answer.status, answer.body]).toEqual([204, ""]);
  expectCors(answer, "null");
});

test("InfoTest: a service without WebSocket says so", async () => {
  expect(JSON.parse((await get("/disabled_websocket_echo/info")).body).websocket).toBe(false);
  const headers = { Upgrade: "websocket", Connection: "Upgrade" };
  expect((await get("/disabled_websocket_echo/0/0/websocket", headers)).status).toBe(404);
});

test("SessionURLs: any server and session id is taken", async () => {
  for (const path of ["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20"]) {
    const answer = await post(`/echo${path}/xhr`);
    expect([path, answer.status, answer.body]).toEqual([path, 200, "o\n"]);
  }
});

test("SessionURLs: empty ids, dots, and fewer or more parts are not found", async () => {
  for (const path of ["//", "/a./a", "/a/a.", "/./.", "/", "///"]) {
    expect([path, (await get(`/echo${path}/xhr`)).status]).toEqual([path, 404]);
    expect([path, (await post(`/echo${path}/xhr`)).status]).toEqual([path, 404]);
  }
});

test("SessionURLs: the server id says nothing", async () => {
  expect((await post("/echo/000/wandering/xhr")).body).toBe("o\n");
  expect((await post("/echo/000/wandering/xhr_send", '["a"]')).status).toBe(204);
  expect((await post("/echo/999/wandering/xhr")).body).toBe('a["a"]\n');
});

test("Protocol: a session opens, takes messages and answers", async () => {
  const url = session();
  const opened = await post(`${url}/xhr`);
  expect([opened.status, opened.body]).toEqual([200, "o\n"]);
  const sent = await post(`${url}/xhr_send`, '["a"]');
  expect([sent.status, sent.body]).toEqual([204, ""]);
  const received = await post(`${url}/xhr`);
  expect([received.status, received.body]).toEqual([200, 'a["a"]\n']);
});

test("Protocol: an unknown session takes no messages", async () => {
  expect((await post("/echo/000/bad_session/xhr_send", '["a"]')).status).toBe(404);
});

test("Protocol: one request receives at a time", async () => {
  const url = session();
  const { waiting, refusal } = await pollTwice(url);
  expect([refusal.status, refusal.body]).toEqual([
    200,
    'c[2010,"Another connection still open"]\n',
  ]);
  await post(`${url}/xhr_send`, '["still here"]');
  expect((await waiting.answer()).body).toBe('a["still here"]\n');
});

test("Protocol: why the server closed is told again and again", async () => {
  const url = session("/close");
  expect((await post(`${url}/xhr`)).body).toBe("o\n");
  for (let n = 0; n < 3; n += 1) {
    const answer = await post(`${url}/xhr`);
    expect([answer.status, answer.body]).toEqual([200, 'c[3000,"Go away!"]\n']);
  }
});

test("WebsocketHttpErrors: a plain request is no WebSocket", async () => {
  const answer = await get("/echo/0/0/websocket");
  expect([answer.status, answer.body]).toEqual([400, 'Can "Upgrade" only to "WebSocket".']);
});

test("WebsocketHttpErrors: Connection must say Upgrade", async () => {
  const answer = await get("/echo/0/0/websocket", { Upgrade: "WebSocket", Connection: "close" });
  expect([answer.status, answer.body]).toEqual([400, '"Connection" must be "Upgrade".']);
});

test("WebsocketHttpErrors: only GET becomes a WebSocket", async () => {
  for (const headers of [{ Upgrade: "WebSocket", Connection: "Upgrade" }, {}]) {
    const answer = await post("/echo/0/0/websocket", "", headers);
    expect([answer.status, answer.body]).toEqual([405, ""]);
    expect(answer.headers.get("allow")).toBe("GET");
    expect(answer.headers.has("content-type")).toBe(false);
  }
});

test("WebsocketHixie76: the obsolete draft is refused, not half understood", async () => {
  const answer = await get("/echo/0/0/websocket", {
    ...{ Connection: "Upgrade", Upgrade: "WebSocket" },
    "Sec-WebSocket-Key1": "4 @1  46546xW%0l 1 5",
    "Sec-WebSocket-Key2": "12998 5 Y3 1  .P00",
  });
  expect(answer.status).toBe(400);
});

/** A WebSocket's messages, and the close event as the last. */
function listen(path: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`);
  const got: (string | CloseEvent)[] = [];
  let wake = (): void => {};
  const take = (item: string | CloseEvent): void => {
    got.push(item);
    wake();
  };
  socket.addEventListener("message", ({ data }) => take(String(data)));
  socket.addEventListener("close", take);
  const next = async (): Promise<string | CloseEvent | undefined> => {
    while (got.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return got.shift();
  };
  return { socket, next };
}

test("WebsocketHybi10: a message comes back, framed", async () => {
  const { socket, next } = listen(`${session()}/websocket`);
  expect(await next()).toBe("o");
  socket.send('["a"]');
  expect(await next()).toBe('a["a"]');
  socket.close();
});

test("WebsocketHybi10: the server closes with a close frame and then the WebSocket", async () => {
  const { next } = listen(`${session("/close")}/websocket`);
  expect(await next()).toBe("o");
  expect(await next()).toBe('c[3000,"Go away!"]');
  expect(await next()).toBeInstanceOf(CloseEvent);
});

test("WebsocketHybi10: the handshake's headers are those of RFC 6455", async () => {
  for (const version of ["13"]) {
    const head = await (await open()).start("GET", `${session()}/websocket`, {
      headers: {
        ...{ Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": version },
        "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
      },
    });
    expect(head.status).toBe(101);
    expect(head.headers.get("sec-websocket-accept")).toBe("HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    expect(head.headers.get("connection")?.toLowerCase()).toBe("upgrade");
    expect(head.headers.get("upgrade")?.toLowerCase()).toBe("websocket");
    expect(head.headers.has("content-length")).toBe(false);
  }
});

test("WebsocketHybi10: empty messages and arrays are passed over", async () => {
  const { socket, next } = listen(`${session()}/websocket`);
  expect(await next()).toBe("o");
  for (const text of ["", "[]", '["a"]']) socket.send(text);
  expect(await next()).toBe('a["a"]');
  socket.close();
});

test("WebsocketHybi10: WebSockets may share a session id", async () => {
  const path = `${session()}/websocket`;
  const sockets = [listen(path), listen(path)];
  for (const [index, { socket, next }] of sockets.entries()) {
    expect(await next()).toBe("o");
    socket.send(`["${index}"]`);
    expect(await next()).toBe(`a["${index}"]`);
    socket.close();
  }
  const again = listen(path);
  expect(await again.next()).toBe("o");
  again.socket.close();
});

test("WebsocketHybi10: broken JSON ends the connection", async () => {
  const { socket, next } = listen(`${session()}/websocket`);
  expect(await next()).toBe("o");
  socket.send('["a');
  expect(await next()).toBeInstanceOf(CloseEvent);
});

test("XhrPolling: OPTIONS is answered for a year", async () => {
  await expectPreflight("/echo/abc/abc/xhr", "OPTIONS, POST");
  await expectPreflight("/echo/abc/abc/xhr_send", "OPTIONS, POST");
});

test("XhrPolling: content types, CORS and no caching", async () => {
  const url = session();
  const opened = await post(`${url}/xhr`, "", { Origin: "test" });
  expect(opened.body).toBe("o\n");
  expect(opened.headers.get("content-type")).toBe("application/javascript; charset=UTF-8");
  expectCors(opened, "test");
  expectUncached(opened);
  const sent = await post(`${url}/xhr_send`, '["x"]', { Origin: "test" });
  expect([sent.status, sent.body]).toEqual([204, ""]);
  expect(sent.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
  expectCors(sent, "test");
  expectUncached(sent);
  expect((await post(`${url}/xhr`)).body).toBe('a["x"]\n');
});

test("XhrPolling: an unknown session takes no messages", async () => {
  expect((await post(`${session()}/xhr_send`, '["x"]')).status).toBe(404);
});

test("XhrPolling: broken and missing payloads are refused, and the session lives on", async () => {
  const url = session();
  expect((await post(`${url}/xhr`)).body).toBe("o\n");
  const broken = await post(`${url}/xhr_send`, '["x');
  expect([broken.status, broken.body]).toEqual([500, "Broken JSON encoding."]);
  const missing = await post(`${url}/xhr_send`, "");
  expect([missing.status, missing.body]).toEqual([500, "Payload expected."]);
  expect((await post(`${url}/xhr_send`, '["a"]')).status).toBe(204);
  expect((await post(`${url}/xhr`)).body).toBe('a["a"]\n');
});

test("XhrPolling: any content type is taken, and waiting messages share a frame", async () => {
  const url = session();
  expect((await post(`${url}/xhr`)).body).toBe("o\n");
  const types = ["text/plain", "T", "application/json", "application/xml", "", "text/xml"];
  const charsets = ["application/json; charset=utf-8", "text/xml; charset=utf-8"];
  for (const type of [...types, ...charsets]) {
    const sent = await post(`${url}/xhr_send`, '["a"]', { "Content-Type": type });
    expect([type, sent.status, sent.body]).toEqual([type, 204, ""]);
  }
  expect((await post(`${url}/xhr`)).body).toBe('a["a","a","a","a","a","a","a","a"]\n');
});

test("XhrPolling: the headers that a page asks for are allowed", async () => {
  const asked = { Origin: "test", "Access-Control-Request-Method": "POST" };
  const path = `${session()}/xhr`;
  const name = "Access-Control-Request-Headers";
  const some = await ask("OPTIONS", path, { headers: { ...asked, [name]: "a, b, c" } });
  expect(some.headers.get("access-control-allow-headers")).toBe("a, b, c");
  expectCors(some, "test");
  for (const headers of [asked, { ...asked, [name]: "" }]) {
    const none = await ask("OPTIONS", path, { headers });
    expect(none.headers.get("access-control-allow-headers") ?? "").toBe("");
  }
});

test("XhrPolling: an array without messages may be sent", async () => {
  const url = session();
  expect((await post(`${url}/xhr`)).body).toBe("o\n");
  expect((await post(`${url}/xhr_send`, "[]")).status).toBe(204);
  expect((await post(`${url}/xhr_send`, '["a"]')).status).toBe(204);
  expect((await post(`${url}/xhr`)).body).toBe('a["a"]\n');
});

test("XhrStreaming: OPTIONS is answered for a year", async () => {
  await expectPreflight("/echo/abc/abc/xhr_streaming", "OPTIONS, POST");
});

test("XhrStreaming: a prelude of 2 KiB, and each frame in a chunk of its own", async () => {
  const url = session();
  const out = await open();
  const head = await out.start("POST", `${url}/xhr_streaming`, { headers: { Origin: "test" } });
  expect(head.status).toBe(200);
  expect(head.headers.get("content-type")).toBe("application/javascript; charset=UTF-8");
  expectCors(head, "test");
  expectUncached(head);
  expect(await out.chunk()).toBe(`${"h".repeat(2_048)}\n`);
  expect(await out.chunk()).toBe("o\n");
  expect((await post(`${url}/xhr_send`, '["x"]')).status).toBe(204);
  expect(await out.chunk()).toBe('a["x"]\n');
});

test("XhrStreaming: the response ends after 4 KiB, and the next one goes on", async () => {
  const url = session();
  const { out } = await stream(`${url}/xhr_streaming`);
  expect(await out.chunk()).toBe("o\n");
  const message = `"${"x".repeat(128)}"`;
  for (let n = 0; n < 31; n += 1) {
    expect((await post(`${url}/xhr_send`, `[${message}]`)).status).toBe(204);
    expect(await out.chunk()).toBe(`a[${message}]\n`);
  }
  expect(await out.chunk()).toBe("");
  expect((await post(`${url}/xhr_send`, '["on"]')).status).toBe(204);
  const next = await stream(`${url}/xhr_streaming`);
  expect(await next.out.chunk()).toBe('a["on"]\n');
});

test("EventSource: events, uncached, each in a chunk of its own", async () => {
  const url = session();
  const { head, out, prelude } = await stream(`${url}/eventsource`, "GET");
  expect(head.status).toBe(200);
  expect(head.headers.get("content-type")).toMatch(/^text\/event-stream/);
  expectUncached(head);
  expect(prelude).toBe("\r\n");
  expect(await out.chunk()).toBe("data: o\r\n\r\n");
  expect((await post(`${url}/xhr_send`, '["x"]')).status).toBe(204);
  expect(await out.chunk()).toBe('data: a["x"]\r\n\r\n');
  expect((await post(`${url}/xhr_send`, '["  \\u0000\\n\\r "]')).status).toBe(204);
  expect(await out.chunk()).toBe('data: a["  \\u0000\\n\\r "]\r\n\r\n');
});

test("EventSource: the response ends after 4 KiB", async () => {
  const url = session();
  const { out } = await stream(`${url}/eventsource`, "GET");
  expect(await out.chunk()).toBe("data: o\r\n\r\n");
  const message = `"${"x".repeat(4_096)}"`;
  expect((await post(`${url}/xhr_send`, `[${message}]`)).status).toBe(204);
  expect(await out.chunk()).toBe(`data: a[${message}]\r\n\r\n`);
  expect(await out.chunk()).toBe("");
});

const HTML_FILE_HEAD = `<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.callback;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`;

test("HtmlFile: a page of more than 1 KiB, and each frame a script", async () => {
  const url = session();
  const { head, out, prelude } = await stream(`${url}/htmlfile?c=%63allback`, "GET");
  expect(head.status).toBe(200);
  expect(head.headers.get("content-type")).toBe("text/html; charset=UTF-8");
  expectUncached(head);
  expect(prelude.trim()).toBe(HTML_FILE_HEAD);
  expect(prelude.length).toBeGreaterThan(1_024);
  expect(await out.chunk()).toBe('<script>\np("o");\n</script>\r\n');
  expect((await post(`${url}/xhr_send`, '["x"]')).status).toBe(204);
  expect(await out.chunk()).toBe('<script>\np("a[\\"x\\"]");\n</script>\r\n');
});

test("HtmlFile: no message ends its script", async () => {
  const url = session();
  const { out } = await stream(`${url}/htmlfile?c=cb`, "GET");
  await out.chunk();
  const evil = "</script><script>alert(1)</script><!--<script>\u2028 ]]> \\</script>";
  expect((await post(`${url}/xhr_send`, JSON.stringify([evil]))).status).toBe(204);
  const chunk = await out.chunk();
  const literal = /^<script>\np\((".*")\);\n<\/script>\r\n$/.exec(chunk)?.[1] ?? "";
  expect(literal).not.toMatch(/[<>\u2028]/);
  expect(JSON.parse(JSON.parse(literal).slice(1))).toEqual([evil]);
});

for (const transport of ["htmlfile", "jsonp"]) {
  const section = transport === "jsonp" ? "JsonPolling" : "HtmlFile";

  test(`${section}: a callback is required`, async () => {
    const answer = await get(`/echo/a/a/${transport}`);
    expect([answer.status, answer.body]).toEqual([500, '"callback" parameter required']);
  });

  test(`${section}: a callback is a name, not a program`, async () => {
    for (const callback of ["%20", "*", "abc(", "abc%28", "a".repeat(200)]) {
      const answer = await get(`/echo/a/a/${transport}?c=${callback}`);
      expect([answer.status, answer.body]).toEqual([500, 'invalid "callback" parameter']);
    }
  });
}

test("HtmlFile: the response ends after 4 KiB", async () => {
  const url = session();
  const { out } = await stream(`${url}/htmlfile?c=callback`, "GET");
  expect(await out.chunk()).toBe('<script>\np("o");\n</script>\r\n');
  const message = "x".repeat(4_096);
  expect((await post(`${url}/xhr_send`, `["${message}"]`)).status).toBe(204);
  expect(await out.chunk()).toBe(`<script>\np("a[\\"${message}\\"]");\n</script>\r\n`);
  expect(await out.chunk()).toBe("");
});

test("JsonPolling: a session in scripts and forms", async () => {
  const url = session();
  const opened = await get(`${url}/jsonp?c=%63allback`);
  expect([opened.status, opened.body]).toEqual([200, '/**/callback("o");\r\n']);
  expect(opened.headers.get("content-type")).toBe("application/javascript; charset=UTF-8");
  expectUncached(opened);
  const sent = await post(`${url}/jsonp_send`, "d=%5B%22x%22%5D", form);
  expect([sent.status, sent.body]).toEqual([200, "ok"]);
  expect(sent.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
  expectUncached(sent);
  expect((await get(`${url}/jsonp?c=%63allback`)).body).toBe('/**/callback("a[\\"x\\"]");\r\n');
});

test("JsonPolling: broken and missing payloads are refused, and the session lives on", async () => {
  const url = session();
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("o");\r\n');
  const broken = await post(`${url}/jsonp_send`, "d=%5B%22x", form);
  expect([broken.status, broken.body]).toEqual([500, "Broken JSON encoding."]);
  for (const data of ["", "d=", "p=p"]) {
    const missing = await post(`${url}/jsonp_send`, data, form);
    expect([data, missing.status, missing.body]).toEqual([data, 500, "Payload expected."]);
  }
  expect((await post(`${url}/jsonp_send`, "d=%5B%22b%22%5D", form)).body).toBe("ok");
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("a[\\"b\\"]");\r\n');
});

test("JsonPolling: forms are decoded, plain text is not", async () => {
  const url = session();
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("o");\r\n');
  expect((await post(`${url}/jsonp_send`, "d=%5B%22abc%22%5D", form)).body).toBe("ok");
  const text = { "Content-Type": "text/plain" };
  expect((await post(`${url}/jsonp_send`, '["%61bc"]', text)).body).toBe("ok");
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("a[\\"abc\\",\\"%61bc\\"]");\r\n');
});

test("JsonPolling: why the server closed is told again and again", async () => {
  const url = session("/close");
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("o");\r\n');
  for (let n = 0; n < 2; n += 1) {
    expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("c[3000,\\"Go away!\\"]");\r\n');
  }
});

test("JsonPolling: an array without messages may be sent", async () => {
  const url = session();
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("o");\r\n');
  for (const data of ["d=%5B%5D", "d=%5B%22x%22%5D"]) {
    expect((await post(`${url}/jsonp_send`, data, form)).body).toBe("ok");
  }
  expect((await get(`${url}/jsonp?c=x`)).body).toBe('/**/x("a[\\"x\\"]");\r\n');
});

test("JsessionidCookie: info says that it is needed, and sets none", async () => {
  const answer = await get("/cookie_needed_echo/info");
  expect(answer.headers.has("set-cookie")).toBe(false);
  expect(JSON.parse(answer.body).cookie_needed).toBe(true);
});

test("JsessionidCookie: every transport sets a dummy", async () => {
  const service = "/cookie_needed_echo";
  const url = session(service);
  expectCookie(await post(`${url}/xhr`), "dummy");
  expectCookie(await post(`${url}/xhr_send`, '["x"]'), "dummy");
  expectCookie((await stream(`${session(service)}/xhr_streaming`)).head, "dummy");
  expectCookie((await stream(`${session(service)}/eventsource`, "GET")).head, "dummy");
  expectCookie((await stream(`${session(service)}/htmlfile?c=cb`, "GET")).head, "dummy");
  const jsonp = session(service);
  expectCookie(await get(`${jsonp}/jsonp?c=cb`), "dummy");
  expectCookie(await post(`${jsonp}/jsonp_send`, "d=%5B%22x%22%5D", form), "dummy");
});

test("JsessionidCookie: one that is there is kept", async () => {
  const url = session("/cookie_needed_echo");
  expectCookie(await post(`${url}/xhr`, "", { Cookie: "JSESSIONID=abcdef" }), "abcdef");
});

test("RawWebsocket: messages go as they are", async () => {
  const { socket, next } = listen("/echo/websocket");
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.send("Hello world!\uffff");
  expect(await next()).toBe("Hello world!\uffff");
  socket.close();
});

test("RawWebsocket: the server's close has its code and reason", async () => {
  const { next } = listen("/close/websocket");
  expect(await next()).toMatchObject({ code: 3000, reason: "Go away!" });
});

/** Each of the code units that a pattern names. */
function unitsOf(pattern: RegExp, from: number): number[] {
  const units = Array.from({ length: 0x10000 - from }, (_, index) => from + index);
  return units.filter((unit) => pattern.test(String.fromCharCode(unit)));
}

const escaped = (units: readonly number[]): string =>
  `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("")}"`;

test("JSONEncoding: the server escapes what browsers spoil", async () => {
  const url = session();
  expect((await post(`${url}/xhr`)).body).toBe("o\n");
  const units = unitsOf(/[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/, 255);
  const text = String.fromCharCode(...units);
  expect((await post(`${url}/xhr_send`, `["${text}"]`)).status).toBe(204);
  expect((await post(`${url}/xhr`)).body).toBe(`a[${escaped(units)}]\n`);
});

test("JSONEncoding: what a client escapes comes back the same, lone surrogates too", async () => {
  const url = session();
  expect((await post(`${url}/xhr`)).body).toBe("o\n");
  const units = unitsOf(
    /[\0-\x1f"\\\x7f-\x9f\xad\u0600-\u0604]|[\u0300-\u036f]|[\u2000-\u20ff\ud800-\udfff\uf900-\uffff]/,
    0,
  );
  expect((await post(`${url}/xhr_send`, `[${escaped(units)}]`)).status).toBe(204);
  const { body } = await post(`${url}/xhr`);
  expect(JSON.parse(body.slice(1))).toEqual([String.fromCharCode(...units)]);
});

test("HandlingClose: a closed session lets go of its request", async () => {
  const url = session("/close");
  const first = await stream(`${url}/xhr_streaming`);
  expect(await first.out.chunk()).toBe("o\n");
  expect(await first.out.chunk()).toBe('c[3000,"Go away!"]\n');
  expect(await first.out.chunk()).toBe("");
  const second = await stream(`${url}/xhr_streaming`);
  expect(await second.out.chunk()).toBe('c[3000,"Go away!"]\n');
  expect(await second.out.chunk()).toBe("");
});

test("HandlingClose: a second stream is refused, and ends", async () => {
  const url = session();
  const first = await stream(`${url}/xhr_streaming`);
  expect(await first.out.chunk()).toBe("o\n");
  const second = await stream(`${url}/xhr_streaming`);
  expect(await second.out.chunk()).toBe('c[2010,"Another connection still open"]\n');
  expect(await second.out.chunk()).toBe("");
});

test("HandlingClose: a stream that breaks off loses the session", async () => {
  const url = session();
  const first = await stream(`${url}/xhr_streaming`);
  expect(await first.out.chunk()).toBe("o\n");
  await first.out.close();
  const second = await stream(`${url}/xhr_streaming`);
  expect(await second.out.chunk()).toBe('c[1002,"Connection interrupted"]\n');
});

test("HandlingClose: a poll that breaks off loses the session", async () => {
  const url = session();
  const { waiting, refusal } = await pollTwice(url);
  expect(refusal.body).toBe('c[2010,"Another connection still open"]\n');
  await waiting.close();
  expect((await post(`${url}/xhr`)).body).toBe('c[1002,"Connection interrupted"]\n');
});

test("Http10: a plain answer, without chunks", async () => {
  const connection = await open();
  const keepAlive = { Connection: "Keep-Alive" };
  const head = await connection.start("GET", "/echo", { version: "1.0", headers: keepAlive });
  expect(head.status).toBe(200);
  expect(head.headers.has("transfer-encoding")).toBe(false);
  expect(await connection.body(head)).toBe("Welcome to SockJS!\n");
  if (head.headers.get("connection")?.toLowerCase() === "keep-alive") {
    expect((await connection.ask("GET", "/echo", { version: "1.0" })).status).toBe(200);
  } else {
    expect(await connection.rest()).toBe("");
  }
});

test("Http10: a stream without chunks, which ends with the connection", async () => {
  const connection = await open();
  const head = await connection.start("POST", `${session("/close")}/xhr_streaming`, {
    version: "1.0",
    headers: { Connection: "Keep-Alive" },
  });
  expect(head.status).toBe(200);
  expect(head.headers.has("transfer-encoding")).toBe(false);
  expect(head.headers.has("content-length")).toBe(false);
  expect(await connection.rest()).toBe(`${"h".repeat(2_048)}\no\nc[3000,"Go away!"]\n`);
});

test("Http11: a connection serves several requests", async () => {
  const connection = await open();
  for (let n = 0; n < 2; n += 1) {
    const answer = await connection.ask("GET", "/echo", { headers: { Connection: "Keep-Alive" } });
    expect([answer.status, answer.body]).toEqual([200, "Welcome to SockJS!\n"]);
    expect(answer.headers.get("connection")?.toLowerCase() ?? "keep-alive").toBe("keep-alive");
  }
});

test("Http11: a stream comes in chunks", async () => {
  const { head, out, prelude } = await stream(`${session("/close")}/xhr_streaming`);
  expect(head.headers.get("transfer-encoding")?.toLowerCase()).toBe("chunked");
  expect(head.headers.has("content-length")).toBe(false);
  expect(prelude).toBe(`${"h".repeat(2_048)}\n`);
  expect(await out.chunk()).toBe("o\n");
  expect(await out.chunk()).toBe('c[3000,"Go away!"]\n');
  expect(await out.chunk()).toBe("");
});
