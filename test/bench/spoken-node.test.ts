import { expect, test } from "bun:test";
import { SpokenNode } from "../../bench/nodes/spoken-node.ts";
import { InProcessBackplane } from "../support/in-process-backplane.ts";
import { PresenceNodes } from "../support/presence-nodes.ts";

test("a node of the bench is to others a node with users", async () => {
  const nodes = new PresenceNodes();
  const node = nodes.start("a");
  const spoken = new SpokenNode(new InProcessBackplane("spoken", nodes.network), nodes.time);
  spoken.comes("early", "Early");
  await nodes.pass(1_500);
  expect(node.known()).toEqual(["spoken"]);
  for (let user = 0; user < 2_000; user += 1) spoken.comes(`user-${user}`, `User ${user}`);
  await nodes.pass(500);
  expect(Object.keys(node.view())).toHaveLength(2_001);
  expect(node.heard("user-7")).toEqual(["ONLINE"]);
  spoken.goes("user-7");
  await nodes.pass(1_000);
  expect(node.heard("user-7")).toEqual(["ONLINE", "OFFLINE"]);
  await spoken.stop();
  await nodes.pass(1_000);
  expect(node.known()).toEqual([]);
});
