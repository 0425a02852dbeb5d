import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

const SERVER_KIND = 2;
const INTERNAL_KIND = 1;

let made = 0;

/** The context of something traced elsewhere. */
function remote(isSampled: boolean) {
  made += 1;
  const traceId = made.toString(16).padStart(32, "a");
  const spanId = made.toString(16).padStart(16, "b");
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}` };
}

const named =
  (name: string, traceId?: string) =>
  (span: ReceivedSpan): boolean =>
    span.name === name && (traceId === undefined || span.traceId === traceId);

function ask(
  server: ParleyProcess,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: object,
): Promise<Response> {
  return fetch(server.url + path, {
    ...{ method, headers: { "X-User-Id": "alice-the-user", ...headers } },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

describe("with a collector", () => {
  let receiver: OtlpReceiver;
  let server: ParleyProcess;
  let alice: StockClient;

  beforeAll(async () => {
    receiver = new OtlpReceiver();
    server = await startParley({
      env: {
        PARLEY_API_KEYS: API_KEY,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20of-the-collector",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=tests",
      },
      flags: ["--tracing-sample-percent", "100", "--tracing-interval-ms", "20"],
    });
    alice = await joinStock(server, "alice-the-user");
  });

  afterAll(async () => {
    await alice.close();
    expect(await server.stop()).toBe(0);
    await receiver.stop();
  });

  test("a request to the API is a span by its route, in the trace that it came with", async () => {
    const { traceId, spanId, traceparent } = remote(true);
    const path = "/api/conversations/the-secret-id/messages?limit=5";
    const started = Date.now();
    expect((await ask(server, "GET", path, { traceparent })).status).toBe(404);
    const name = "GET /api/conversations/{id}/messages";
    const span = await receiver.span(named(name, traceId));
    expect(span).toMatchObject({ parentSpanId: spanId, kind: SERVER_KIND, isError: false });
    expect(span.attributes).toEqual({
      "http.request.method": "GET",
      "http.route": "/api/conversations/{id}/messages",
      "http.response.status_code": 404,
      "parley.refusal": "CONVERSATION_NOT_FOUND",
    });
    expect(span.startMs).toBeGreaterThanOrEqual(started - 1);
    expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
  });

  test("without a trace, or with one that is none, a request begins its own", async () => {
    for (const traceparent of ["", "00-xyz-1-01", `00-${"0".repeat(32)}-${"1".repeat(16)}-01`]) {
      const seen = receiver.spans.length;
      await ask(server, "GET", "/api/blocks", traceparent === "" ? {} : { traceparent });
      const isNew = (span: ReceivedSpan) => receiver.spans.indexOf(span) >= seen;
      const span = await receiver.span((one) => named("GET /api/blocks")(one) && isNew(one));
      expect(span.parentSpanId).toBeUndefined();
      expect(span.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
    }
  });

  test("what is no route of the API has no path in its span", async () => {
    const { traceId, traceparent } = remote(true);
    await ask(server, "GET", "/api/no-such/alice-the-user", { traceparent });
    const span = await receiver.span(named("GET", traceId));
    expect(span.attributes).not.toHaveProperty("http.route");
  });

  test("a SEND is a span until it is answered, and the commit that it waited for has a link to it", async () => {
    const { traceId, spanId, traceparent } = remote(true);
    const message = {
      conversationId: "t-1",
      recipientId: "bob-the-user",
      content: "the secret text",
    };
    alice.send("/app/chat.send", message, { traceparent });
    const span = await receiver.span(named("SEND /app/chat.send", traceId));
    expect(span).toMatchObject({ parentSpanId: spanId, kind: SERVER_KIND, isError: false });
    expect(span.attributes).toEqual({
      "messaging.system": "stomp",
      "messaging.destination.name": "/app/chat.send",
      "messaging.message.body.size": JSON.stringify(message).length,
    });
    const commit = await receiver.span(({ links }) => links.includes(span.spanId));
    expect(commit).toMatchObject({ name: "commit", kind: INTERNAL_KIND });
    expect(commit.attributes).toEqual({ "parley.commit.messages": 1 });
    expect(commit.endMs).toBeGreaterThanOrEqual(commit.startMs);
    expect(span.endMs).toBeGreaterThanOrEqual(commit.startMs);
  });

  test("a message of the back end's is a span that a commit has a link to as well", async () => {
    const { traceId, traceparent } = remote(true);
    const headers = { traceparent, "X-Api-Key": API_KEY, "X-User-Name": "Alice the Name" };
    const body = { content: "the secret text", recipientId: "bob-the-user" };
    const path = "/api/conversations/t-2/messages";
    expect((await ask(server, "POST", path, headers, body)).status).toBe(201);
    const span = await receiver.span(named("POST /api/conversations/{id}/messages", traceId));
    const commit = await receiver.span(({ links }) => links.includes(span.spanId));
    expect(commit.name).toBe("commit");
  });

  test("what is refused says by which code, and no commit has a link to it", async () => {
    const { traceId, traceparent } = remote(true);
    alice.send("/app/chat.send", { conversationId: "t-1", content: "" }, { traceparent });
    const span = await receiver.span(named("SEND /app/chat.send", traceId));
    expect(span.isError).toBe(true);
    expect(span.attributes).toMatchObject({ "error.type": "VALIDATION_FAILED" });
    const typing = remote(true);
    alice.send("/app/chat.typing/t-1", { isTyping: true }, typing);
    const name = "SEND /app/chat.typing/{conversationId}";
    const typed = await receiver.span(named(name, typing.traceId));
    expect(typed.isError).toBe(false);
    for (const { links } of receiver.spans) {
      expect(links).not.toContain(span.spanId);
      expect(links).not.toContain(typed.spanId);
    }
  });

  test("all of it is the service's, with what the standard's variables say", () => {
    expect(receiver.resources[0]).toEqual({
      "service.name": "parley",
      "service.version": expect.stringMatching(/^\d+\.\d+\.\d+/),
      "deployment.environment": "tests",
    });
    expect(receiver.headers[0]?.get("authorization")).toBe("Bearer of-the-collector");
  });

  test("nothing that users write leaves the server, nor who they are", () => {
    expect(receiver.bodies.length).toBeGreaterThan(5);
    const all = receiver.bodies.join("\n");
    for (const secret of ["the secret", "the-secret-id", "-the-user", "Alice the Name", API_KEY]) {
      expect(all).not.toContain(secret);
    }
  });
});

test("of what begins here a share is traced; of what comes with a trace, what that says", async () => {
  const receiver = new OtlpReceiver();
  const server = await startParley({
    env: {
      ...{ PARLEY_TRACING_ENDPOINT: `${receiver.endpoint}/`, PARLEY_TRACING_TRUST_CLIENTS: "true" },
    },
    flags: ["--tracing-sample-percent", "0", "--tracing-interval-ms", "20"],
  });
  await ask(server, "GET", "/api/blocks");
  await ask(server, "GET", "/api/blocks", remote(false));
  const alice = await joinStock(server, "alice");
  const message = { conversationId: "s", recipientId: "bob", content: "x" };
  alice.send("/app/chat.send", message);
  alice.send("/app/chat.send", message, remote(false));
  const sampled = remote(true);
  alice.send("/app/chat.send", message, sampled);
  const span = await receiver.span(named("SEND /app/chat.send"));
  expect(span.traceId).toBe(sampled.traceId);
  await receiver.span(({ links }) => links.includes(span.spanId));
  await alice.close();
  // What was left would have come by now.
  expect(await server.stop()).toBe(0);
  expect(receiver.spans.map(({ name }) => name).sort()).toEqual(["SEND /app/chat.send", "commit"]);
  await receiver.stop();
});

test.each([
  ["a client's word, unless clients are trusted", "0", {}],
  ["an address that is there for others", "100", { PARLEY_TRACING_ENDPOINT: "none" }],
])("%s switches no tracing on", async (_, share, env) => {
  const receiver = new OtlpReceiver();
  const server = await startParley({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, ...env },
    flags: ["--tracing-sample-percent", share],
  });
  await ask(server, "GET", "/api/blocks", remote(true));
  expect(await server.stop()).toBe(0);
  expect(receiver.spans).toEqual([]);
  await receiver.stop();
});

describe("a collector that fails", () => {
  let receiver: OtlpReceiver;
  let server: ParleyProcess;
  const warnings = (text: string) =>
    server
      .log()
      .split("\n")
      .filter((line) => line.includes(text)).length;

  beforeEach(async () => {
    receiver = new OtlpReceiver();
    server = await startParley({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
      flags: [
        ...["--tracing-sample-percent", "100", "--tracing-interval-ms", "20"],
        ...["--tracing-queued-spans", "8", "--limits-requests-per-second", "0"],
      ],
    });
  });

  afterEach(async () => {
    await receiver.stop();
  });

  test("is logged once, until it takes traces again", async () => {
    receiver.manner = "refuses";
    for (let tries = 0; tries < 3; tries += 1) {
      const asked = receiver.asked();
      expect((await ask(server, "GET", "/api/blocks")).status).toBe(200);
      await asked;
    }
    receiver.manner = "takes";
    const { traceId, traceparent } = remote(true);
    await ask(server, "GET", "/api/blocks", { traceparent });
    await receiver.span(named("GET /api/blocks", traceId));
    expect(await server.stop()).toBe(0);
    expect(warnings("The collector takes no traces")).toBe(1);
    expect(warnings("The collector takes traces again")).toBe(1);
  });

  test("and one that does not answer keeps nobody waiting, nor more spans than it may", async () => {
    receiver.manner = "hangs";
    const asked = receiver.asked();
    expect((await ask(server, "GET", "/api/blocks")).status).toBe(200);
    await asked;
    const alice = await joinStock(server, "alice");
    const message = { conversationId: "h", recipientId: "bob", content: "x" };
    for (let count = 0; count < 50; count += 1) await alice.sent("/app/chat.send", message);
    await alice.close();
    expect(receiver.bodies).toHaveLength(1);
    expect(receiver.spans).toHaveLength(1);
    const next = receiver.asked();
    receiver.release();
    await next;
    expect(await server.stop()).toBe(0);
    expect(receiver.spans).toHaveLength(1 + 8);
  });

  test("and one that never answers keeps no server from stopping", async () => {
    receiver.manner = "hangs";
    const asked = receiver.asked();
    expect((await ask(server, "GET", "/api/blocks")).status).toBe(200);
    await asked;
    expect(await server.stop()).toBe(0);
  });

  test("and one that is gone keeps no server from stopping", async () => {
    await receiver.stop();
    expect((await ask(server, "GET", "/api/blocks")).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });
});
