import { afterAll, beforeAll, expect, test } from "bun:test";
import { bodyText, isBodyTooLong } from "../../src/transport/body-text.ts";

const LIMIT = 1_000;
let server: ReturnType<typeof Bun.serve>;

beforeAll(() => {
  server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, maxRequestBodySize: 100 * LIMIT },
    async fetch(request) {
      const said = isBodyTooLong(request, LIMIT);
      return Response.json({ said, text: await bodyText(request, LIMIT) });
    },
  });
});
afterAll(() => server.stop(true));

async function post(body: string | ReadableStream | null) {
  return await (await fetch(server.url, { method: "POST", body })).json();
}

/** Sent in chunks, and without a length. */
function chunked(...texts: string[]): ReadableStream {
  return new Blob(texts).stream().pipeThrough(new TransformStream());
}

test.each([
  ["", ""],
  ["grüß", "grüß"],
  ["a".repeat(LIMIT), "a".repeat(LIMIT)],
])("a body up to the limit is read, told its length or not", async (body, text) => {
  expect(await post(body)).toEqual({ said: false, text });
  expect(await post(chunked(body))).toEqual({ said: false, text });
});

test("a longer one is not, and is seen to be so beforehand where its length is told", async () => {
  const long = "a".repeat(LIMIT + 1);
  expect(await post(long)).toEqual({ said: true, text: null });
  expect(await post(chunked(long))).toEqual({ said: false, text: null });
  expect(await post(chunked("a".repeat(LIMIT), "ü"))).toEqual({ said: false, text: null });
});

test("no body is no text", async () => {
  expect(await post(null)).toEqual({ said: false, text: "" });
});
