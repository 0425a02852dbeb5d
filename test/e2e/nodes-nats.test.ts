import { expect, test } from "bun:test";
import { NatsServer } from "../support/nats-server.ts";
import { Listener, startNode } from "../support/nodes.ts";
import { connectStock } from "../support/stock-client.ts";

test("topics cross NATS, also after it was away", async () => {
  await using nats = await NatsServer.start("--auth", "s3cret-token");
  const url = nats.url.replace("//", "//s3cret-token@");
  const nodes = await Promise.all(["one", "two"].map((id) => startNode(url, id)));
  const [one, two] = nodes;
  if (one === undefined || two === undefined) throw new TypeError("no nodes");
  const anna = await connectStock(one, "anna");
  const there = await Listener.on(two, "there");
  await there.listen("/topic/Grüße.x", anna);
  await there.listen("/topic/wild.#", anna, "/topic/wild.probe");
  const headers = { "x-own": "a:b\nc" };
  anna.stomp.publish({ destination: "/topic/Grüße.x", body: "1", headers });
  anna.stomp.publish({ destination: "/topic/wild", body: "2" });
  await there.count(2);
  expect(there.heard.map(({ body }) => body).toSorted()).toEqual(["1", "2"]);
  expect(there.heard.find(({ body }) => body === "1")?.headers).toMatchObject(headers);
  await nats.kill();
  const late = AbortSignal.timeout(20_000);
  while (!one.log().includes("Not connected with") && !late.aborted)
    await fetch(`${one.url}/readyz`);
  await nats.start();
  await there.listen("/topic/Grüße.x", anna);
  await there.listen("/topic/wild.#", anna, "/topic/wild.again");
  expect(two.log()).toContain("may be missing");
  for (const client of [anna, there.client]) {
    expect(client.connects).toBe(1);
    await client.close();
  }
  for (const node of nodes) {
    expect(node.log()).not.toContain("s3cret");
    expect(await node.stop()).toBe(0);
  }
});
