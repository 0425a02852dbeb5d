import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import type { OpenApiDocument } from "../../src/http/openapi.ts";
import { type ApiCall, callsOf, type Findable } from "../support/api-calls.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { jpeg } from "../support/pictures.ts";
import { askAs, askAsServer } from "../support/server-api.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";
import { uploaded } from "../support/uploads.ts";

let server: ParleyProcess;
let document: OpenApiDocument;
let alice: StockClient;
/** What calls are about. */
let findable: Findable;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--limits-messages-per-second", "0"],
  });
  document = await (await fetch(`${server.url}/api/openapi.json`)).json();
  // Something to be found, by the ids that the calls are made of.
  for (const id of ["team", "club"]) {
    const group = { id, memberIds: ["alice", "bob"], ownerId: "alice", title: id };
    expect((await askAsServer(server, "POST", "/api/conversations", group)).status).toBe(201);
  }
  alice = await joinStock(server, "alice");
  for (let count = 0; count < 5; count += 1) {
    await alice.sent("/app/chat.send", { conversationId: "team", content: `message ${count}` });
  }
  const history = await askAs(server, "alice", "/api/conversations/team/messages");
  const { messages } = await history.json();
  const made = await askAs(server, "alice", "/api/conversations/club/invites", "POST", {});
  const { code } = await made.json();
  const files = await Promise.all([
    ...[uploaded(server, "alice", "one"), uploaded(server, "bob", await jpeg(9, 9))],
  ]);
  findable = {
    messages: messages.map(({ id }: { id: string }) => id),
    invites: [code],
    attachments: files.map(({ id }) => id),
    users: ["alice", "dora", "emil"],
  };
});

afterAll(async () => {
  await alice.close();
  expect(await server.stop()).toBe(0);
});

test("the OpenAPI document is one, by the specification's own schema", async () => {
  const { valid, errors } = await new Validator().validate({ ...document });
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test("every operation has an id of its own, and a tag", () => {
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { tags } of operations) expect(tags).toHaveLength(1);
});

test("what goes in and what comes out has a name, which generated clients call it by", () => {
  for (const item of Object.values(document.paths)) {
    for (const { operationId, requestBody, responses } of Object.values(item)) {
      for (const { content = {} } of [requestBody ?? {}, ...Object.values(responses)]) {
        for (const [media, { schema }] of Object.entries(content)) {
          if (/[/+]json$/.test(media)) expect(schema.$ref, operationId).toBeDefined();
        }
      }
    }
  }
});

test("the page to read has every endpoint and form, links that lead somewhere, and no script", async () => {
  const answer = await fetch(`${server.url}/api/docs`);
  expect(answer.headers.get("content-type")).toStartWith("text/html");
  const page = await answer.text();
  const summaries = [...page.matchAll(/class="summary">([^<]*)</g)].map(([, text]) => text);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, { summary }] of Object.entries(item)) {
      const head = `<span class="method">${method.toUpperCase()}</span> <code>${path}</code>`;
      expect(page).toContain(head);
      expect(summaries).toContain(summary.replaceAll("'", "&#39;"));
    }
  }
  const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  for (const name of Object.keys(document.components.schemas))
    expect(ids).toContain(`form-${name}`);
  for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  expect(page).not.toContain("<script");
  const style = /<style>([^<]*)<\/style>/.exec(page)?.[1] ?? "";
  const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
  expect(answer.headers.get("content-security-policy")).toContain(`style-src 'sha256-${hash}'`);
});

describe("whatever is asked", () => {
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  const seen = new Map<string, Set<number>>();

  /** Whom the calls are about must be there for the next of them. */
  const isEndOfAll = ({ operation, path }: ApiCall) =>
    operation.operationId === "removeUser" && !/\/(dora|emil)(\?|$)/.test(path);

  async function answerTo(call: ApiCall): Promise<void> {
    if (isEndOfAll(call)) return;
    // The answer is what counts here, and not the waiting for it.
    const path = call.path.replace(/\bwait=\d{1,2}\b(?!\.)/, "wait=0");
    const response = await fetch(server.url + path, {
      method: call.method,
      headers: call.headers,
      ...(call.body === undefined ? {} : { body: call.body }),
      redirect: "manual",
    });
    const { status } = response;
    const media = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
    // A stream has no end of its own.
    const isStream = media === "text/event-stream";
    const text = isStream ? "" : await response.text();
    if (isStream) await response.body?.cancel();
    const told = `${call.method} ${call.path} ${call.body ?? ""} → ${status} ${text}`;
    expect(status, told).toBeLessThan(500);
    const described = call.operation.responses[status];
    expect(described, told).toBeDefined();
    const form = described?.content?.[media]?.schema;
    if (form !== undefined) {
      const isDocument = media === "application/json" || media === "application/problem+json";
      const value: unknown = isDocument ? JSON.parse(text) : text;
      const isValid = ajv.validate({ ...form, components: document.components }, value);
      expect(isValid, `${told}: ${ajv.errorsText()}`).toBe(true);
    } else if (described?.content !== undefined) {
      expect.unreachable(`${told}: ${media} is not described`);
    }
    if (status === 200) {
      const isTagged = response.headers.has("etag");
      expect(isTagged, told).toBe(call.operation.responses[304] !== undefined);
      const caching = isTagged ? "private, no-cache" : "no-store";
      expect(response.headers.get("cache-control"), told).toBe(caching);
    }
    const statuses = seen.get(call.operation.operationId) ?? new Set();
    seen.set(call.operation.operationId, statuses.add(status));
  }

  test("is answered as the document says, and never with a fault of the server", async () => {
    const property = fc.asyncProperty(callsOf(document, findable), answerTo);
    await fc.assert(property, { numRuns: 2_500 });
  }, 60_000);

  test("among it every endpoint was reached, and most of them done", () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    const missed = operations.filter(({ operationId }) => !seen.has(operationId));
    expect(missed.map(({ operationId }) => operationId)).toEqual([]);
    const done = [...seen.values()].filter((statuses) => [...statuses].some((one) => one < 300));
    expect(done.length).toBeGreaterThan(operations.length * 0.7);
  });
});
