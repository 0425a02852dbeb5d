import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { gzipSync } from "node:zlib";
import { OutboundClient, OutboundError, type OutboundOptions } from "../../src/notify/outbound.ts";
import { newCertificate } from "../support/certificates.ts";

const certificate = newCertificate("a push service");
const never = new AbortController().signal;

/** What the servers were asked, newest last. */
let requests: { name: unknown; host: unknown; path: string; body: string }[] = [];
let connections = 0;
/** The server holds back the end of an answer; the connection that it is on is closed. */
let held = Promise.withResolvers<void>();
let closed = Promise.withResolvers<void>();
let secure: Server;
let plain: Server;

beforeAll(async () => {
  secure = createTlsServer(certificate, answer);
  plain = createServer(answer);
  secure.on("connection", (socket) => {
    connections += 1;
    socket.on("error", () => {});
  });
  for (const server of [secure, plain]) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
});

afterAll(() => {
  for (const server of [secure, plain]) server.close();
});

beforeEach(() => {
  requests = [];
  connections = 0;
  closed = Promise.withResolvers();
  held = Promise.withResolvers();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += chunk;
  const name = "servername" in request.socket ? request.socket.servername : null;
  request.socket.once("close", () => closed.resolve());
  requests.push({ name, host: request.headers.host, path: request.url ?? "", body });
  switch (request.url) {
    case "/redirect":
      response.writeHead(307, { location: `https://127.0.0.1:${portOf(secure)}/secret` }).end();
      return;
    case "/large":
      response.writeHead(200).write("a".repeat(100));
      pour(response);
      return;
    case "/compressed":
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("0".repeat(1_000_000)));
      return;
    case "/broken":
      response.writeHead(200, { "content-length": "10" }).write("half ", () => response.destroy());
      return;
    case "/hang":
      held.resolve();
      return;
    case "/slow":
      response.writeHead(201).write("begun");
      held.resolve();
      return;
    default:
      response.writeHead(201, { "retry-after": "7" }).end("taken");
  }
}

/** Without end, as fast as it is read. */
function pour(response: ServerResponse): void {
  if (response.destroyed) return;
  if (response.write("a".repeat(65_536))) setImmediate(() => pour(response));
  else response.once("drain", () => pour(response));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function client(options: Partial<OutboundOptions> = {}): OutboundClient {
  return new OutboundClient({
    allow: ["127.0.0.1"],
    resolve: async () => ["127.0.0.1"],
    authorities: certificate.cert,
    ...options,
  });
}

function post(
  from: OutboundClient,
  url: string,
  { signal = never, maxBytes = 1_000 }: { signal?: AbortSignal; maxBytes?: number } = {},
) {
  return from.call({ method: "POST", url, headers: {}, body: "a notice", maxBytes }, signal);
}

const pushUrl = (path = "/send", host = "push.chat.example") =>
  `https://${host}:${portOf(secure)}${path}`;

async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (fault) {
    return fault instanceof OutboundError ? `${fault.kind}: ${fault.message}` : String(fault);
  }
  return "none";
}

const NOT_PUBLIC = "refused: the URL leads to an address that is not public";

describe("a call", () => {
  test("goes to the address that its name has, under that name, and brings the answer", async () => {
    const answered = await post(client(), pushUrl());
    expect(answered).toMatchObject({ status: 201, body: "taken", isComplete: true });
    expect(answered.headers.get("retry-after")).toBe("7");
    expect(requests).toEqual([
      {
        ...{ name: "push.chat.example", host: `push.chat.example:${portOf(secure)}` },
        ...{ path: "/send", body: "a notice" },
      },
    ]);
  });

  test("goes to an address that the URL names itself, if its certificate is the address's", async () => {
    expect(await post(client(), pushUrl("/send", "127.0.0.1"))).toMatchObject({ status: 201 });
  });

  test("goes without TLS to an address that is allowed, and to no other", async () => {
    const url = `http://hooks.internal:${portOf(plain)}/hook`;
    expect(await post(client(), url)).toMatchObject({ status: 201 });
    const elsewhere = client({ resolve: async () => ["127.0.0.1", "8.8.8.8"] });
    expect(await failureOf(post(elsewhere, url))).toBe("refused: the URL is not of https");
    expect(requests).toHaveLength(1);
  });

  test("is refused where the certificate is another name's", async () => {
    const failure = await failureOf(post(client(), pushUrl("/send", "push.evil.example")));
    expect(failure).toBe("unreachable: ERR_TLS_CERT_ALTNAME_INVALID");
    expect(requests).toEqual([]);
  });

  test("is refused where nobody vouches for the certificate", async () => {
    const allow = ["127.0.0.1"];
    const strict = new OutboundClient({ allow, resolve: async () => allow });
    expect(await failureOf(post(strict, pushUrl("/send", "new.chat.example")))).toBe(
      "unreachable: DEPTH_ZERO_SELF_SIGNED_CERT",
    );
    expect(requests).toEqual([]);
  });

  test("uses the connection of the one before, but not that of another name", async () => {
    const from = client();
    await post(from, pushUrl("/1", "one.chat.example"));
    await post(from, pushUrl("/2", "one.chat.example"));
    expect(connections).toBe(1);
    await post(from, pushUrl("/3", "another.chat.example"));
    expect(connections).toBe(2);
    expect(requests.map(({ name }) => name)).toEqual([
      ...["one.chat.example", "one.chat.example", "another.chat.example"],
    ]);
  });

  test("tries the next address where there is no connection, and sends once", async () => {
    const from = client({
      allow: ["127.0.0.0/8"],
      resolve: async () => ["127.0.0.2", "127.0.0.1", "127.0.0.3"],
    });
    expect(await post(from, pushUrl())).toMatchObject({ status: 201 });
    expect(requests).toHaveLength(1);
  });
});

describe("an address that is not public", () => {
  test.each(["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])(
    "is not reached as %s",
    async (host) => {
      const from = client({ allow: [] });
      expect(await failureOf(post(from, pushUrl("/secret", host)))).toBe(NOT_PUBLIC);
      expect(connections).toBe(0);
    },
  );

  test("is not reached by a name, even if only one of its addresses is such", async () => {
    for (const addresses of [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:7f00:1"]]) {
      const from = client({ allow: [], resolve: async () => addresses });
      expect(await failureOf(post(from, pushUrl()))).toBe(NOT_PUBLIC);
    }
    expect(connections).toBe(0);
  });

  test("is not reached by a name that gets it after the check", async () => {
    const answers = [["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"]];
    const asked: string[] = [];
    const from = client({
      resolve: async (name) => {
        asked.push(name);
        return answers.shift() ?? [];
      },
    });
    expect(await post(from, pushUrl())).toMatchObject({ status: 201 });
    expect(asked).toEqual(["push.chat.example"]);
    expect(await failureOf(post(from, pushUrl()))).toBe(NOT_PUBLIC);
    expect(asked).toHaveLength(2);
    expect(requests).toHaveLength(1);
  });

  test("is not reached by a redirect: that is an answer like others", async () => {
    const answered = await post(client(), pushUrl("/redirect"));
    expect(answered.status).toBe(307);
    expect(answered.headers.get("location")).toContain("/secret");
    expect(requests.map(({ path }) => path)).toEqual(["/redirect"]);
  });
});

describe("a server that does harm", () => {
  test("and says nothing keeps a connection no longer than the signal lets it", async () => {
    const ending = new AbortController();
    const call = failureOf(post(client(), pushUrl("/hang"), { signal: ending.signal }));
    await held.promise;
    ending.abort();
    expect(await call).toBe("aborted: ended before there was an answer");
    await closed.promise;
  });

  test("and never ends its answer keeps it no longer either", async () => {
    const ending = new AbortController();
    const call = failureOf(post(client(), pushUrl("/slow"), { signal: ending.signal }));
    await held.promise;
    ending.abort();
    await call;
    await closed.promise;
  });

  test("and answers without end is read up to the limit, and cut off", async () => {
    const answered = await post(client(), pushUrl("/large"), { maxBytes: 1_000 });
    expect(answered).toMatchObject({ status: 200, body: "a".repeat(1_000), isComplete: false });
    await closed.promise;
  });

  test("and breaks off has said the status all the same", async () => {
    const answered = await post(client(), pushUrl("/broken"));
    expect(answered).toMatchObject({ status: 200, isComplete: false });
  });

  test("and compresses what nobody asked it to is not unpacked", async () => {
    const answered = await post(client(), pushUrl("/compressed"), { maxBytes: 10_000 });
    expect(answered.isComplete).toBe(true);
    expect(answered.body.length).toBeLessThan(2_000);
  });
});

describe("a name", () => {
  test("that is not found, or has no address, makes its URL unreachable", async () => {
    const unknown = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    const failing = client({ resolve: () => Promise.reject(unknown) });
    expect(await failureOf(post(failing, pushUrl()))).toBe("unreachable: ENOTFOUND");
    const empty = client({ resolve: async () => [] });
    expect(await failureOf(post(empty, pushUrl()))).toBe("unreachable: ENOTFOUND");
  });

  test("that nobody resolves holds a call no longer than the signal lets it", async () => {
    const ending = new AbortController();
    const from = client({ resolve: () => new Promise(() => {}) });
    const call = failureOf(post(from, pushUrl(), { signal: ending.signal }));
    ending.abort();
    expect(await call).toBe("aborted: ended before there was an answer");
  });

  test("is resolved by the system", async () => {
    const { cert } = certificate;
    const from = new OutboundClient({ allow: ["127.0.0.1", "::1"], authorities: cert });
    expect(await post(from, pushUrl("/send", "localhost"))).toMatchObject({ status: 201 });
    expect(await failureOf(post(from, pushUrl("/send", "push.invalid")))).toStartWith(
      "unreachable: ",
    );
  });
});

test("a signal that has aborted before lets no call begin", async () => {
  const call = post(client(), pushUrl(), { signal: AbortSignal.abort() });
  expect(await failureOf(call)).toStartWith("aborted: ");
  expect(connections).toBe(0);
});

test("closing ends what is under way and lets nothing begin", async () => {
  const from = client();
  const call = failureOf(post(from, pushUrl("/hang")));
  await held.promise;
  from.close();
  expect(await call).toStartWith("aborted: ");
  await closed.promise;
  expect(await failureOf(post(from, pushUrl()))).toStartWith("aborted: ");
  expect(requests).toHaveLength(1);
});
