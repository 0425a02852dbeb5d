import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FLOWS, generateClient, typeErrors } from "../support/generated-client.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

type Flow = (place: { readonly url: string; readonly apiKey: string }) => Promise<void>;

/** What `FLOWS` has; it can be imported only when the client is there. */
const NAMES = [
  ...["backEnd", "blocks", "groups", "invites", "members", "messages", "notifications", "presence"],
];

let server: ParleyProcess;
let olivia: StockClient;
let flows: Readonly<Record<string, Flow>>;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--limits-messages-per-second", "0"],
  });
  olivia = await joinStock(server, "olivia");
  await generateClient(`${server.url}/api/openapi.json`);
  flows = await import(FLOWS);
});

afterAll(async () => {
  await olivia.close();
  expect(await server.stop()).toBe(0);
});

describe("a client that a generator makes of the server's OpenAPI document", () => {
  test("has the types that the compiler wants, and the main flows use them rightly", async () => {
    expect(await typeErrors()).toBe("");
  });

  test("is driven through every flow that there is", () => {
    expect(Object.keys(flows).sort()).toEqual(NAMES);
  });

  test.each(NAMES)("drives the server: %s", async (name) => {
    await flows[name]?.({ url: server.url, apiKey: API_KEY });
  });

  test("hears what it publishes where it listens", async () => {
    await olivia.subscribed("/topic/weather");
    await flows.backEnd?.({ url: server.url, apiKey: API_KEY });
    expect(await olivia.event("/topic/weather")).toEqual({ sun: true });
  });
});
