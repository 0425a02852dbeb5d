import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { connectStock, type StockClient } from "../support/stock-client.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function listen(client: StockClient, pattern: string): Promise<string[]> {
  const topics: string[] = [];
  client.stomp.subscribe(pattern, (message) => {
    topics.push(message.headers.destination ?? "");
    client.note();
  });
  await client.sent("/topic/settled", {});
  return topics;
}

describe.each(["websocket", "binary", "sockjs"] as const)("wildcards over %s", (via) => {
  test("get what matches, under its own name", async () => {
    const client = await connectStock(server, `reader-${via}`, { via });
    const one = await listen(client, `/topic/${via}.*`);
    const many = await listen(client, `/topic/${via}.#`);
    const exact = await listen(client, `/topic/${via}.eu`);
    for (const name of ["eu", "eu.1", "us"]) await client.sent(`/topic/${via}.${name}`, { name });
    expect(one).toEqual([`/topic/${via}.eu`, `/topic/${via}.us`]);
    expect(many).toEqual([`/topic/${via}.eu`, `/topic/${via}.eu.1`, `/topic/${via}.us`]);
    expect(exact).toEqual([`/topic/${via}.eu`]);
    await client.close();
  });
});

test("wildcards see nothing of presence and typing, neither asked for by name nor by #", async () => {
  const [anna, ben, eve] = await Promise.all(
    ["anna", "ben", "eve"].map((name) => connectStock(server, name)),
  );
  if (anna === undefined || ben === undefined || eve === undefined) throw new Error("no clients");
  await eve.subscribed("/user/queue/errors");
  const everything = await listen(eve, "/topic/#");
  eve.stomp.subscribe("/topic/typing/*", () => eve.note());
  expect(await eve.event("/user/queue/errors")).toMatchObject({ code: "UNKNOWN_DESTINATION" });
  await anna.sent("/app/chat.send", { conversationId: "ab", recipientId: "ben", content: "hi" });
  await ben.subscribed("/topic/typing/ab");
  await ben.subscribed("/topic/presence");
  await anna.sent("/app/chat.typing/ab", { isTyping: true });
  await anna.sent("/app/user.presence", { status: "AWAY" });
  await ben.event("/topic/typing/ab");
  await ben.event("/topic/presence", (event) => event.userId === "anna");
  await anna.sent("/topic/plain", {});
  await eve.until(() => everything.includes("/topic/plain"));
  expect(everything.filter((topic) => topic !== "/topic/settled")).toEqual(["/topic/plain"]);
  for (const client of [anna, ben, eve]) await client.close();
});

test("nothing can be sent to a name with wildcards", async () => {
  const client = await connectStock(server, "sender");
  await client.subscribed("/user/queue/errors");
  client.send("/topic/orders.*", {});
  expect(await client.event("/user/queue/errors")).toMatchObject({
    code: "UNKNOWN_DESTINATION",
    message: "A message goes to one topic, and /topic/orders.* has wildcards",
  });
  await client.close();
});
