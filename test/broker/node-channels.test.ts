import { expect, test } from "bun:test";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";

function setUp(...nodeIds: readonly string[]) {
  const network = new InProcessNetwork();
  return nodeIds.map((nodeId) => {
    const backplane = network.node(nodeId);
    const heard: string[] = [];
    const channels = new NodeChannels(backplane, (reason) => heard.push(`changed ${reason}`));
    for (const kind of ["", "user"]) {
      channels.receive(kind, (origin, name, payload) => {
        heard.push(`${kind}: ${origin} ${name} ${Buffer.from(payload)}`);
      });
    }
    channels.onGap(() => heard.push("gap"));
    return { backplane, channels, heard };
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("each kind of channels has its receiver; what is of none is nobody's", async () => {
  const [a, b] = setUp("a", "b");
  if (a === undefined || b === undefined) throw new TypeError("no nodes");
  a.channels.start();
  b.channels.start();
  await Promise.all(["/topic/x", "user/ann", "other/1"].map((name) => b.channels.subscribe(name)));
  for (const name of ["/topic/x", "user/ann", "other/1", "user/bob"]) {
    a.channels.publish(name, Buffer.from("1"));
  }
  await turn();
  expect(b.heard).toEqual(["changed null", ": a /topic/x 1", "user: a user/ann 1"]);
});

test("whoever waits for a subscription is let go when the connection is lost, and told of a gap", async () => {
  const [a] = setUp("a");
  if (a === undefined) throw new TypeError("no node");
  await a.channels.subscribe("user/early"); // Not connected yet: there is nothing to wait for.
  a.channels.start();
  await turn();
  expect(a.heard).toEqual(["changed null", "gap"]);
  const waits = a.channels.subscribe("user/ann");
  a.backplane.lose();
  await waits;
  a.backplane.heal();
  await turn();
  expect(a.heard.slice(2)).toEqual(["changed lost", "changed null", "gap"]);
  await a.channels.subscribe("user/bob");
  const ended = a.channels.subscribe("user/cid");
  a.channels.unsubscribe("user/cid");
  await ended;
});

test("a gap follows each loss, also one after which nothing that others said can be missing", async () => {
  const [a] = setUp("a");
  if (a === undefined) throw new TypeError("no node");
  a.channels.onLoss(() => a.heard.push("loss"));
  a.channels.start();
  await turn();
  a.backplane.blink();
  await turn();
  expect(a.heard).toEqual(["changed null", "changed lost", "loss", "changed null", "gap"]);
});
