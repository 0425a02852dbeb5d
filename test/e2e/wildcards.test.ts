import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { connectStock, type StockClient } from "../support/stock-client.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0", PARLEY_LIMITS_UNACKNOWLEDGED_MESSAGES: "50" },
  });
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

  test("are acknowledged like a topic", async () => {
    const client = await connectStock(server, `worker-${via}`, { via });
    const topic = `/topic/acked-${via}/Grüße`;
    let count = 0;
    const again = () => client.stomp.publish({ destination: topic, body: `${count}` });
    client.stomp.subscribe(
      `/topic/acked-${via}/**`,
      (message) => {
        expect(message.headers.destination).toBe(topic);
        message.ack();
        count += 1;
        client.note();
        if (count < 200) again();
      },
      { ack: "client-individual" },
    );
    again();
    await client.until(() => count === 200, "more than may wait for an ACK");
    expect(client.connects).toBe(1);
    await client.close();
  });
});

test("a member sees typing under its own name only, and presence too", async () => {
  const [anna, ben] = [await connectStock(server, "anna"), await connectStock(server, "ben")];
  const everything = await listen(anna, "/topic/**");
  const typing = await listen(anna, "/topic/*/own");
  const presence = await listen(anna, "/topic/*");
  await anna.sent("/app/chat.send", { conversationId: "own", recipientId: "ben", content: "hi" });
  await anna.subscribed("/topic/typing/own");
  await anna.subscribed("/topic/presence");
  await ben.sent("/app/chat.typing/own", { isTyping: true });
  await ben.sent("/app/user.presence", { status: "AWAY" });
  await anna.event("/topic/typing/own");
  await anna.event("/topic/presence", (event) => event.status === "AWAY");
  await ben.sent("/topic/end/own", {});
  await anna.until(() => typing.length > 0, "the end");
  const seen = new Set([...everything, ...typing, ...presence]);
  expect(seen).toEqual(new Set(["/topic/settled", "/topic/end/own"]));
  for (const client of [anna, ben]) await client.close();
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
