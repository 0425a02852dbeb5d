import { expect, test } from "bun:test";
import { NatsServer } from "../support/nats-server.ts";
import { Installation, untilLogged } from "../support/nodes.ts";

test("topics cross NATS, also after it was away", async () => {
  await using nats = await NatsServer.start("--auth", "s3cret-token");
  const url = nats.url.replace("//", "//s3cret-token@");
  const nodes = await Installation.start(url, ["one", "two"]);
  const [one, two] = [nodes.node(0), nodes.node(1)];
  const anna = await nodes.connect(one, "anna");
  const there = await nodes.listener(two, "there");
  await there.listen("/topic/Grüße.x", anna);
  await there.listen("/topic/wild.#", anna, "/topic/wild.probe");
  const headers = { "x-own": "a:b\nc" };
  anna.stomp.publish({ destination: "/topic/Grüße.x", body: "1", headers });
  anna.stomp.publish({ destination: "/topic/wild", body: "2" });
  await there.count(2);
  expect(there.heard.map(({ body }) => body).toSorted()).toEqual(["1", "2"]);
  expect(there.heard.find(({ body }) => body === "1")?.headers).toMatchObject(headers);
  await nats.kill();
  await untilLogged(one, "Not connected with");
  await nats.start();
  await there.listen("/topic/Grüße.x", anna);
  await there.listen("/topic/wild.#", anna, "/topic/wild.again");
  expect(two.log()).toContain("may be missing");
  for (const client of nodes.clients) expect(client.connects).toBe(1);
  await nodes[Symbol.asyncDispose]();
  for (const node of [one, two]) expect(node.log()).not.toContain("s3cret");
});
