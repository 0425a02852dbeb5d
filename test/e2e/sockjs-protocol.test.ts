import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { http, RawRequest, SockJsHttp } from "../support/sockjs-http.ts";

/** The SockJS protocol 0.3.4, by the sections of its public test suite, against the test services. */
let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ flags: ["--sockjs-test-services", "--sockjs-grace-ms=300"] });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const echo = () => new SockJsHttp(`${server.url}/echo`);
const YEAR = 31_536_000;
const ORIGIN = { origin: "http://page.example" };

function expectUncached(response: Response): void {
  expect(response.headers.get("cache-control")).toBe(
    "no-store, no-cache, no-transform, must-revalidate, max-age=0",
  );
  expect(response.headers.get("expires")).toBeNull();
  expect(response.headers.get("last-modified")).toBeNull();
}

function expectReadableBy(response: Response, origin: string): void {
  expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  expect(response.headers.get("access-control-allow-credentials")).toBe(
    origin === "*" ? null : "true",
  );
}

async function expectPreflight(url: string, methods: string): Promise<void> {
  for (const [origin, allowed] of [
    ["http://page.example", "http://page.example"],
    ["null", "null"],
  ] as const) {
    const response = await http(url, { method: "OPTIONS", headers: { origin } });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expectReadableBy(response, allowed);
    expect(response.headers.get("access-control-allow-methods")).toBe(methods);
    expect(response.headers.get("cache-control")).toBe(`public, max-age=${YEAR}`);
    expect(Date.parse(response.headers.get("expires") ?? "")).toBeGreaterThan(Date.now());
    expect(response.headers.get("access-control-max-age")).toBe(String(YEAR));
  }
}

/** Opens a WebSocket; `next` resolves with each message, and `closed` with the close event. */
async function openWebSocket(path: string) {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`);
  const messages: string[] = [];
  let wake = () => {};
  socket.addEventListener("message", ({ data }) => {
    messages.push(String(data));
    wake();
  });
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.addEventListener("close", (event) => {
      resolve(event);
      wake();
    });
  });
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const next = async (): Promise<string> => {
    while (messages.length === 0) {
      if (socket.readyState === WebSocket.CLOSED) throw new Error("closed without a message");
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return messages.shift() ?? "";
  };
  return { socket, next, closed };
}

describe("BaseUrlGreeting", () => {
  test.each(["/echo", "/echo/", "/ws"])("%s greets", async (path) => {
    const response = await http(server.url + path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    expect(await response.text()).toBe("Welcome to SockJS!\n");
    expect(response.headers.get("set-cookie")).toBeNull();
  });

  test.each(["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"])(
    "there is nothing at %s",
    async (path) => expect((await http(`${server.url}/echo${path}`)).status).toBe(404),
  );

  test("the test services are there in test mode only", async () => {
    const plain = await startParley();
    for (const { path } of [{ path: "/echo" }, { path: "/close" }, { path: "/amplify/info" }]) {
      expect((await http(plain.url + path)).status).toBe(404);
    }
    expect(await plain.stop()).toBe(0);
  });
});

describe("IframePage", () => {
  test.each([
    ...["/iframe.html", "/iframe-a.html", "/iframe-.html", "/iframe-0.1.2.html"],
    ...["/iframe-0.1.2abc-dirty.2144.html", "/iframe-a.html?t=1234", "/iframe-a.html?t=123414"],
  ])("%s is the page that loads the client, kept for a year", async (path) => {
    const response = await http(`${server.url}/echo${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=UTF-8");
    expect(response.headers.get("cache-control")).toBe(`public, max-age=${YEAR}`);
    expect(response.headers.get("etag")).toBeString();
    expect(response.headers.get("last-modified")).toBeNull();
    expect(response.headers.get("set-cookie")).toBeNull();
    const page = await response.text();
    expect(page).toMatch(
      /^<!DOCTYPE html>\n<html>\n<head>\n {2}<meta http-equiv="X-UA-Compatible"/,
    );
    expect(page).toContain("SockJS.bootstrap_iframe();");
    const script = /<script src="([^"]+)"><\/script>/.exec(page)?.[1] ?? "";
    const client = await http(new URL(script, `${server.url}/echo/iframe.html`).href);
    expect(await client.text()).toContain("SockJS");
  });

  test("is not sent again to who has it", async () => {
    const url = `${server.url}/echo/iframe.html`;
    const etag = (await http(url)).headers.get("etag") ?? "";
    const response = await http(url, { headers: { "if-none-match": etag } });
    expect(response.status).toBe(304);
    expect(response.headers.get("content-type")).toBeNull();
    expect(await response.text()).toBe("");
  });

  test.each([
    ...["/iframe.htm", "/iframe", "/IFRAME.HTML", "/IFRAME", "/iframe.HTML", "/iframe.xml"],
    "/iframe-/.html",
  ])("%s is none", async (path) => {
    expect((await http(`${server.url}/echo${path}`)).status).toBe(404);
  });
});

describe("InfoTest", () => {
  test("says what the service can, to every page, and is kept by nobody", async () => {
    const response = await http(`${server.url}/echo/info`, { headers: ORIGIN });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json; charset=UTF-8");
    expectUncached(response);
    expectReadableBy(response, ORIGIN.origin);
    expect(await response.json()).toMatchObject({
      websocket: true,
      cookie_needed: false,
      origins: ["*:*"],
      entropy: expect.any(Number),
    });
  });

  test("has other entropy each time", async () => {
    const entropy = async () => (await (await http(`${server.url}/echo/info`)).json()).entropy;
    expect(await entropy()).not.toBe(await entropy());
  });

  test("answers OPTIONS", () => expectPreflight(`${server.url}/echo/info`, "OPTIONS, GET"));

  test("is open to a page without an origin", async () => {
    const response = await http(`${server.url}/echo/info`, { headers: { origin: "null" } });
    expectReadableBy(response, "null");
  });

  test("says where WebSockets are off, and they are", async () => {
    const base = `${server.url}/disabled_websocket_echo`;
    expect(await (await http(`${base}/info`)).json()).toMatchObject({ websocket: false });
    expect((await http(`${base}/000/s/websocket`)).status).toBe(404);
  });

  test("says where cookies are needed", async () => {
    const response = await http(`${server.url}/cookie_needed_echo/info`);
    expect(await response.json()).toMatchObject({ cookie_needed: true });
  });
});

describe("SessionURLs", () => {
  test.each(["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefgh_i-j%20"])(
    "%s is a session",
    async (path) => {
      const response = await http(`${server.url}/echo${path}${crypto.randomUUID()}/xhr`, {
        method: "POST",
      });
      expect(await response.text()).toBe("o\n");
    },
  );

  test.each(["//", "/a./a", "/a/a.", "/./.", "/", "///", `/a/${"s".repeat(129)}`])(
    "%s is none",
    async (path) => {
      const request = RawRequest.streaming(server.url, "GET");
      request.abort();
      const { host } = new URL(server.url);
      // As written: fetch would take the dots away.
      const raw = new RawRequest(server.url, [
        `POST /echo${path}/xhr HTTP/1.1`,
        ...[`Host: ${host}`, "Content-Length: 0", "Connection: close"],
      ]);
      expect(await raw.ended()).toStartWith("HTTP/1.1 404");
    },
  );

  test("the server's id is ignored", async () => {
    const client = echo();
    expect(await (await http(client.url("xhr", "000"), { method: "POST" })).text()).toBe("o\n");
    const sent = await http(client.url("xhr_send", "123"), { method: "POST", body: '["a"]' });
    expect(sent.status).toBe(204);
    expect(await (await http(client.url("xhr", "999"), { method: "POST" })).text()).toBe(
      'a["a"]\n',
    );
  });
});

describe("Protocol", () => {
  test("a session opens, carries messages in order, and several in one frame", async () => {
    const client = echo();
    expect(await client.poll()).toBe("o\n");
    await client.send("a");
    await client.send("b", "c");
    expect(await client.poll()).toBe('a["a","b","c"]\n');
  });

  test("a session that the server closed says why, to each who asks", async () => {
    const client = new SockJsHttp(`${server.url}/close`);
    expect([await client.poll(), await client.poll(), await client.poll()]).toEqual([
      "o\n",
      'c[3000,"Go away!"]\n',
      'c[3000,"Go away!"]\n',
    ]);
  });
});

describe("WebsocketHttpErrors", () => {
  test("a request that is no upgrade is told so", async () => {
    const response = await http(`${server.url}/echo/0/0/websocket`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Can "Upgrade" only to "WebSocket".');
  });

  test("an upgrade without Connection: Upgrade is told so", async () => {
    const { host } = new URL(server.url);
    const raw = new RawRequest(server.url, [
      "GET /echo/0/0/websocket HTTP/1.1",
      ...[`Host: ${host}`, "Upgrade: WebSocket", "Connection: close"],
    ]);
    const answer = await raw.ended();
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer).toContain('"Connection" must be "Upgrade".');
  });

  test("another method than GET is not allowed", async () => {
    const response = await http(`${server.url}/echo/0/0/websocket`, { method: "POST" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
    expect(await response.text()).toBe("");
  });
});

describe("WebsocketHybi10", () => {
  test("a session opens and carries messages", async () => {
    const { socket, next } = await openWebSocket("/echo/000/hybi/websocket");
    expect(await next()).toBe("o");
    socket.send('["a"]');
    expect(await next()).toBe('a["a"]');
    socket.send('["b","c"]');
    expect([await next(), await next()]).toEqual(['a["b"]', 'a["c"]']);
    socket.close();
  });

  test("empty messages are ignored", async () => {
    const { socket, next } = await openWebSocket("/echo/000/hybi/websocket");
    expect(await next()).toBe("o");
    for (const nothing of ["", "[]"]) socket.send(nothing);
    socket.send('["a"]');
    expect(await next()).toBe('a["a"]');
    socket.close();
  });

  test("one URL may be opened twice at once, and again", async () => {
    const [one, two] = [
      await openWebSocket("/echo/000/same/websocket"),
      await openWebSocket("/echo/000/same/websocket"),
    ];
    one.socket.send('["1"]');
    two.socket.send('["2"]');
    expect([await one.next(), await one.next()]).toEqual(["o", 'a["1"]']);
    expect([await two.next(), await two.next()]).toEqual(["o", 'a["2"]']);
    one.socket.close();
    two.socket.close();
  });

  test("a session that the server closes says why", async () => {
    const { next, closed } = await openWebSocket("/close/000/s/websocket");
    expect([await next(), await next()]).toEqual(["o", 'c[3000,"Go away!"]']);
    expect((await closed).code).toBe(1000);
  });

  test("broken JSON ends the connection", async () => {
    const { socket, next, closed } = await openWebSocket("/echo/000/s/websocket");
    expect(await next()).toBe("o");
    socket.send('["a');
    await closed;
  });

  test("the handshake is that of RFC 6455, also as Firefox writes it", async () => {
    const { host } = new URL(server.url);
    const raw = new RawRequest(server.url, [
      "GET /echo/000/firefox/websocket HTTP/1.1",
      ...[`Host: ${host}`, "Connection: keep-alive, Upgrade", "Upgrade: WebSocket"],
      ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=="],
    ]);
    await raw.until(() => raw.received.includes("\r\n\r\n"));
    expect(raw.received).toStartWith("HTTP/1.1 101");
    expect(raw.received.toLowerCase()).toContain(
      "sec-websocket-accept: hsmrc0smlyukagmm5oppg2hagwk=",
    );
    raw.abort();
  });
});

describe("XhrPolling", () => {
  test("answers OPTIONS", async () => {
    await expectPreflight(echo().url("xhr"), "OPTIONS, POST");
    await expectPreflight(echo().url("xhr_send"), "OPTIONS, POST");
  });

  test("a session opens and carries messages", async () => {
    const client = new SockJsHttp(`${server.url}/echo`, ORIGIN);
    const opened = await client.post("xhr");
    expect(opened.status).toBe(200);
    expect(opened.headers.get("content-type")).toBe("application/javascript; charset=UTF-8");
    expectReadableBy(opened, ORIGIN.origin);
    expectUncached(opened);
    expect(await opened.text()).toBe("o\n");
    const sent = await client.post("xhr_send", '["x"]');
    expect(sent.status).toBe(204);
    expect(await sent.text()).toBe("");
    expect(sent.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    expectReadableBy(sent, ORIGIN.origin);
    expectUncached(sent);
    expect(await client.poll()).toBe('a["x"]\n');
  });

  test("nothing is sent to a session that is not there", async () => {
    expect((await echo().post("xhr_send", '["x"]')).status).toBe(404);
  });

  test("what is no JSON is refused, and the session goes on", async () => {
    const client = echo();
    expect(await client.poll()).toBe("o\n");
    for (const [body, answer] of [
      ["", "Payload expected."],
      ['["x', "Broken JSON encoding."],
      ["[1]", "Broken JSON encoding."],
    ] as const) {
      const response = await client.post("xhr_send", body);
      expect([response.status, await response.text()]).toEqual([500, answer]);
    }
    await client.send("a");
    expect(await client.poll()).toBe('a["a"]\n');
  });

  test.each([
    ...["text/plain", "T", "application/json", "application/xml", ""],
    ...["application/json; charset=utf-8", "text/xml; charset=utf-8", "text/xml"],
  ])("a message may be of the type %p", async (type) => {
    const client = echo();
    expect(await client.poll()).toBe("o\n");
    const sent = await client.post("xhr_send", '["a"]', { "content-type": type });
    expect(sent.status).toBe(204);
    expect(await client.poll()).toBe('a["a"]\n');
  });

  test("the headers that a page asks for are allowed", async () => {
    const asked = { "access-control-request-headers": "a, b, c" };
    const response = await echo().post("xhr", "", asked);
    expect(response.headers.get("access-control-allow-headers")).toBe("a, b, c");
    expect((await echo().post("xhr")).headers.get("access-control-allow-headers")).toBeNull();
  });

  test("other methods are not allowed", async () => {
    const response = await echo().get("xhr");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "OPTIONS, POST"]);
  });
});

/** Chunks as they come, until one satisfies the condition. */
async function chunksUntil(request: RawRequest, isLast: (chunk: string) => boolean) {
  await request.until(() => request.chunks().some(isLast));
  return request.chunks();
}

/** Sends until the streaming response ends, and returns its frames. */
async function fill(client: SockJsHttp, request: RawRequest): Promise<string[]> {
  const message = "x".repeat(128);
  await request.until(() => request.chunks().length >= 2); // The prelude, and the opening.
  let count = 0;
  while (request.chunks().at(-1) !== "") {
    await client.send(message);
    count += 1;
    await request.until(
      () =>
        request.chunks().filter((chunk) => chunk.includes(message)).length >= count ||
        request.chunks().at(-1) === "",
    );
  }
  return request.chunks().filter((chunk) => chunk !== "");
}

describe("XhrStreaming", () => {
  test("answers OPTIONS", () => expectPreflight(echo().url("xhr_streaming"), "OPTIONS, POST"));

  test("a session opens behind 2 KiB, each frame in a chunk of its own", async () => {
    const client = echo();
    const request = RawRequest.streaming(client.url("xhr_streaming"), "POST", [
      `Origin: ${ORIGIN.origin}`,
    ]);
    expect(await chunksUntil(request, (chunk) => chunk === "o\n")).toEqual([
      `${"h".repeat(2_048)}\n`,
      "o\n",
    ]);
    expect(request.received.toLowerCase()).toContain(
      "content-type: application/javascript; charset=utf-8",
    );
    expect(request.received.toLowerCase()).toContain(
      `access-control-allow-origin: ${ORIGIN.origin}`,
    );
    await client.send("x");
    expect((await chunksUntil(request, (chunk) => chunk.startsWith("a"))).at(-1)).toBe('a["x"]\n');
    request.abort();
  });

  test("a response ends after 4,096 bytes, and the next goes on", async () => {
    const client = echo();
    const frames = await fill(client, RawRequest.streaming(client.url("xhr_streaming"), "POST"));
    const bytes = frames.slice(1).join("").length;
    expect(bytes).toBeGreaterThanOrEqual(4_096);
    expect(bytes).toBeLessThan(4_096 + 256);
    const next = RawRequest.streaming(client.url("xhr_streaming"), "POST");
    await client.send("go on");
    await chunksUntil(next, (chunk) => chunk.includes("go on"));
    next.abort();
  });
});

describe("EventSource", () => {
  test("a session opens, each frame an event", async () => {
    const client = echo();
    const request = RawRequest.streaming(client.url("eventsource"), "GET");
    expect(await chunksUntil(request, (chunk) => chunk.includes("data: o"))).toEqual([
      "\r\n",
      "data: o\r\n\r\n",
    ]);
    expect(request.received.toLowerCase()).toContain("content-type: text/event-stream");
    await client.send("  \u0000\n\r ");
    const chunks = await chunksUntil(request, (chunk) => chunk.includes("data: a"));
    expect(chunks.at(-1)).toBe('data: a["  \\u0000\\n\\r "]\r\n\r\n');
    request.abort();
  });

  test("a response ends after 4,096 bytes", async () => {
    const client = echo();
    const frames = await fill(client, RawRequest.streaming(client.url("eventsource"), "GET"));
    expect(frames.join("").length).toBeLessThan(4_096 + 256);
  });
});

describe("HtmlFile", () => {
  test("a session opens behind 1 KiB of page, each frame a script", async () => {
    const client = echo();
    const request = RawRequest.streaming(`${client.url("htmlfile")}?c=callback`, "GET");
    const [page = "", opened] = await chunksUntil(request, (chunk) => chunk.includes('p("o")'));
    expect(page).toStartWith("<!doctype html>\n<html><head>\n");
    expect(page).toContain("var c = parent.callback;");
    expect(page.length).toBeGreaterThan(1_024);
    expect(page).toEndWith("\r\n\r\n");
    expect(opened).toBe('<script>\np("o");\n</script>\r\n');
    expect(request.received.toLowerCase()).toContain("content-type: text/html; charset=utf-8");
    await client.send("x");
    const chunks = await chunksUntil(request, (chunk) => chunk.includes("a["));
    expect(chunks.at(-1)).toBe('<script>\np("a[\\"x\\"]");\n</script>\r\n');
    request.abort();
  });

  test("a message has no way out of its script", async () => {
    const client = echo();
    const request = RawRequest.streaming(`${client.url("htmlfile")}?c=callback`, "GET");
    await chunksUntil(request, (chunk) => chunk.includes('p("o")'));
    await client.send("</script><script>alert(1)</script><!--\u2028");
    const chunks = await chunksUntil(request, (chunk) => chunk.includes("alert"));
    const script = chunks.at(-1) ?? "";
    expect(script.match(/<\/script>/g)).toHaveLength(1);
    expect(script.match(/</g)).toHaveLength(2);
    expect(script).not.toContain("\u2028");
    request.abort();
  });

  test.each(["htmlfile", "jsonp"])("%s without a callback is refused", async (transport) => {
    const response = await echo().get(transport);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('"callback" parameter required');
  });

  test.each(["htmlfile", "jsonp"])("%s with a program as its callback is refused", async (kind) => {
    for (const callback of ["%20", "*", "abc(", "abc%28", "a%3Cscript%3E"]) {
      const response = await echo().get(kind, `?c=${callback}`);
      expect(response.status).toBe(500);
      expect(await response.text()).toContain('invalid "callback" parameter');
    }
  });

  test("a response ends after 4,096 bytes", async () => {
    const client = echo();
    const url = `${client.url("htmlfile")}?c=callback`;
    const frames = await fill(client, RawRequest.streaming(url, "GET"));
    expect(frames.slice(1).join("").length).toBeLessThan(4_096 + 256);
  });
});

describe("JsonPolling", () => {
  test("a session opens and carries messages", async () => {
    const client = echo();
    const opened = await client.get("jsonp", "?c=x");
    expect(opened.headers.get("content-type")).toBe("application/javascript; charset=UTF-8");
    expect(opened.headers.get("x-content-type-options")).toBe("nosniff");
    expectUncached(opened);
    expect(await opened.text()).toBe('/**/x("o");\r\n');
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const sent = await client.post("jsonp_send", "d=%5B%22x%22%5D", form);
    expect([sent.status, await sent.text()]).toEqual([200, "ok"]);
    expect(sent.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    expect(await (await client.get("jsonp", "?c=x")).text()).toBe('/**/x("a[\\"x\\"]");\r\n');
  });

  test("a message may be plain text", async () => {
    const client = echo();
    await client.get("jsonp", "?c=x");
    const plain = { "content-type": "text/plain" };
    expect(await (await client.post("jsonp_send", '["%61bc"]', plain)).text()).toBe("ok");
    expect(await (await client.get("jsonp", "?c=x")).text()).toBe('/**/x("a[\\"%61bc\\"]");\r\n');
  });

  test("what is no message is refused", async () => {
    const client = echo();
    await client.get("jsonp", "?c=x");
    const form = { "content-type": "application/x-www-form-urlencoded" };
    for (const [body, answer] of [
      ["d=%5B%22x", "Broken JSON encoding."],
      ["", "Payload expected."],
      ["d=", "Payload expected."],
      ["p=p", "Payload expected."],
    ] as const) {
      const response = await client.post("jsonp_send", body, form);
      expect([response.status, await response.text()]).toEqual([500, answer]);
    }
  });

  test("nothing is sent to a session that is not there", async () => {
    expect((await echo().post("jsonp_send", "d=%5B%22x%22%5D")).status).toBe(404);
  });

  test("a session that the server closed says why", async () => {
    const client = new SockJsHttp(`${server.url}/close`);
    expect(await (await client.get("jsonp", "?c=x")).text()).toBe('/**/x("o");\r\n');
    expect(await (await client.get("jsonp", "?c=x")).text()).toBe(
      '/**/x("c[3000,\\"Go away!\\"]");\r\n',
    );
  });
});

describe("JsessionidCookie", () => {
  const needed = (headers = {}) => new SockJsHttp(`${server.url}/cookie_needed_echo`, headers);

  test("is a dummy for who has none, on every transport", async () => {
    for (const transport of ["xhr", "xhr_streaming"]) {
      const response = await needed().post(transport);
      expect(response.headers.get("set-cookie")).toBe("JSESSIONID=dummy; Path=/");
      await response.body?.cancel();
    }
    for (const [transport, query] of [
      ["eventsource", ""],
      ["htmlfile", "?c=x"],
      ["jsonp", "?c=x"],
    ] as const) {
      const response = await needed().get(transport, query);
      expect(response.headers.get("set-cookie")).toBe("JSESSIONID=dummy; Path=/");
      await response.body?.cancel();
    }
  });

  test("is given back to who has one", async () => {
    const client = needed({ cookie: "a=b; JSESSIONID=abcdef; c=d" });
    expect((await client.post("xhr")).headers.get("set-cookie")).toBe("JSESSIONID=abcdef; Path=/");
    const sent = await client.post("xhr_send", '["x"]');
    expect(sent.headers.get("set-cookie")).toBe("JSESSIONID=abcdef; Path=/");
  });

  test("is not set where it is not needed", async () => {
    expect((await echo().post("xhr")).headers.get("set-cookie")).toBeNull();
  });
});

describe("RawWebsocket", () => {
  test("carries messages without frames", async () => {
    const { socket, next } = await openWebSocket("/echo/websocket");
    socket.send("Hello world!\uffff");
    expect(await next()).toBe("Hello world!\uffff");
    socket.close();
  });

  test("is closed with code and reason", async () => {
    const { closed } = await openWebSocket("/close/websocket");
    const { code, reason } = await closed;
    expect([code, reason]).toEqual([3000, "Go away!"]);
  });
});

describe("JSONEncoding", () => {
  /** What browsers would change on the way, and one of each that they would not. */
  const UNSAFE = "\u007f\u00ad\u0600\u200c\u2028\ufeff\ufff0\uffff\ud800";
  const SAFE = 'aé€𝄞"\\\u0001';

  test("the server escapes what is not safe on the way", async () => {
    const client = echo();
    await client.poll();
    await client.post("xhr_send", JSON.stringify([UNSAFE.replace("\ud800", "") + SAFE]));
    const frame = await client.poll();
    expect(frame).not.toMatch(/[\u007f-\u009f\u00ad\u0600-\u0604\u200c-\u200f\u2028-\u202f\ufeff]/);
    expect(JSON.parse(frame.slice(1))).toEqual([UNSAFE.replace("\ud800", "") + SAFE]);
  });

  test("the server understands every escape of a client, half a pair too", async () => {
    const client = echo();
    await client.poll();
    const escaped = [...(UNSAFE + SAFE)]
      .flatMap((character) => character.split(""))
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join("");
    await client.post("xhr_send", `["${escaped}"]`);
    expect(JSON.parse((await client.poll()).slice(1))).toEqual([UNSAFE + SAFE]);
  });

  test("over WebSocket alike", async () => {
    const { socket, next } = await openWebSocket("/echo/000/json/websocket");
    await next();
    socket.send(JSON.stringify([UNSAFE + SAFE]));
    const frame = await next();
    expect(frame).toContain("\\u2028");
    expect(JSON.parse(frame.slice(1))).toEqual([UNSAFE + SAFE]);
    socket.close();
  });
});

describe("HandlingClose", () => {
  const BUSY = 'c[2010,"Another connection still open"]';

  test("a stream ends with the reason, and so does the next", async () => {
    const client = new SockJsHttp(`${server.url}/close`);
    for (const first of ["o\n", ""]) {
      const response = await client.post("xhr_streaming");
      expect((await response.text()).replace(/^h+\n/, "")).toBe(`${first}c[3000,"Go away!"]\n`);
    }
  });

  test("a second receiver is turned away while the first receives", async () => {
    const client = echo();
    const first = RawRequest.streaming(client.url("xhr_streaming"), "POST");
    await chunksUntil(first, (chunk) => chunk === "o\n");
    const second = await client.post("xhr_streaming");
    expect((await second.text()).replace(/^h+\n/, "")).toBe(`${BUSY}\n`);
    expect(await client.poll()).toBe(`${BUSY}\n`);
    await client.send("still there");
    await chunksUntil(first, (chunk) => chunk.includes("still there"));
    first.abort();
  });

  test.each(["xhr_streaming", "xhr"])(
    "a session whose %s breaks off is lost, and says so for the grace",
    async (transport) => {
      const client = echo();
      if (transport === "xhr") expect(await client.poll()).toBe("o\n");
      const request = RawRequest.streaming(client.url(transport), "POST");
      await request.sent;
      // Requests that come later are answered, so this one has been taken in.
      for (let turn = 0; turn < 3; turn += 1) await http(`${server.url}/echo/info`);
      request.abort();
      let answer = `${BUSY}\n`;
      while (answer === `${BUSY}\n`) answer = await client.poll();
      expect(answer).toBe('c[1002,"Connection interrupted"]\n');
      expect((await client.post("xhr_send", '["x"]')).status).toBe(404);
    },
  );

  test("a session without a receiver is forgotten after the grace", async () => {
    const client = echo();
    expect(await client.poll()).toBe("o\n");
    // Each answer is a turn of the server; the grace of this one is 300 ms.
    while ((await client.post("xhr_send", '["x"]')).status !== 404);
    let answer = await client.poll();
    while (answer.startsWith("c[1002")) answer = await client.poll();
    expect(answer).toBe("o\n");
  });
});

describe("Http10", () => {
  test("a client of HTTP/1.0 gets its answer without chunks, and the end of the connection", async () => {
    const client = echo();
    const { host, pathname } = new URL(client.url("xhr"));
    const head = [`POST ${pathname} HTTP/1.0`, `Host: ${host}`, "Content-Length: 0"];
    const answer = await new RawRequest(server.url, [...head, "Connection: close"]).ended();
    expect(answer.split("\r\n\r\n").slice(1)).toEqual(["o\n"]);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
  });

  test("a stream to a client of HTTP/1.0 has no chunks", async () => {
    const client = new SockJsHttp(`${server.url}/close`);
    const { host, pathname } = new URL(client.url("xhr_streaming"));
    const request = new RawRequest(server.url, [
      `POST ${pathname} HTTP/1.0`,
      ...[`Host: ${host}`, "Content-Length: 0", "Connection: close"],
    ]);
    const answer = await request.ended();
    expect(answer).toEndWith(`${"h".repeat(2_048)}\no\nc[3000,"Go away!"]\n`);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
  });
});

describe("Http11", () => {
  test("one connection serves several requests", async () => {
    const client = echo();
    const { host, pathname } = new URL(client.url("xhr"));
    const request = (path: string, body: string) =>
      `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const sending = pathname.replace("/xhr", "/xhr_send");
    const raw = new RawRequest(server.url, [request(pathname, "").trimEnd()]);
    await raw.until(() => raw.received.endsWith("o\n"));
    expect(raw.received.toLowerCase()).not.toContain("connection: close");
    raw.write(request(sending, '["x"]'));
    await raw.until(() => raw.received.includes("204 No Content"));
    raw.write(request(pathname, ""));
    await raw.until(() => raw.received.endsWith('a["x"]\n'));
    raw.abort();
  });
});

describe("Amplify", () => {
  test.each([
    ["1", 2],
    ["12", 4_096],
    ["18", 262_144],
    ["19", 2],
    ["x", 2],
  ])("%s is answered by %d", async (power, length) => {
    const { socket, next } = await openWebSocket("/amplify/000/s/websocket");
    await next();
    socket.send(JSON.stringify([power]));
    expect(await next()).toBe(`a["${"x".repeat(length)}"]`);
    socket.close();
  });
});

describe("a session's id", () => {
  test("is of no use to another page", async () => {
    const owner = new SockJsHttp(`${server.url}/echo`, ORIGIN);
    expect(await owner.poll()).toBe("o\n");
    const headers = { origin: "http://evil.example" };
    for (const transport of ["xhr", "xhr_streaming", "xhr_send"]) {
      const response = await http(owner.url(transport), { method: "POST", body: '["x"]', headers });
      expect(response.status).toBe(404);
    }
    await owner.send("mine");
    expect(await owner.poll()).toBe('a["mine"]\n');
  });
});

test("STOMP's endpoint refuses pages of other origins on every transport", async () => {
  const client = new SockJsHttp(`${server.url}/ws`, { origin: "https://evil.example" });
  for (const transport of ["xhr", "xhr_streaming", "xhr_send", "jsonp_send"]) {
    expect((await client.post(transport, '["x"]')).status).toBe(403);
  }
  for (const transport of ["eventsource", "htmlfile", "jsonp"]) {
    expect((await client.get(transport, "?c=x")).status).toBe(403);
  }
  expect((await http(`${server.url}/ws/info`, { headers: client.headers })).status).toBe(403);
});

test("a message larger than the server takes is refused", async () => {
  const client = echo();
  expect(await client.poll()).toBe("o\n");
  const body = JSON.stringify(["x".repeat(2 << 20)]);
  const { status } = await client.post("xhr_send", body).catch(() => ({ status: 413 }));
  expect(status).toBe(413);
});
