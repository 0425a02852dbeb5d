import { describe, expect, test } from "bun:test";
import { EVERY_NODE } from "../../src/nodes/roster.ts";
import { type PresenceNodeProcess, PresenceNodes } from "../support/presence-nodes.ts";

const HEARD_MS = 10_000;
const ANOTHER = "Another node is there";
const OTHERWISE = "Another node has other values of settings that all nodes must have alike";
const UNLED =
  "No node that is heard leads: PostgreSQL is away, or other nodes serve the same database by another backplane, address or prefix";
const TWIN = "Another node has the same node.id: give each its own";

/** What the node's operator reads, without who died and ended. */
function read({ log }: PresenceNodeProcess) {
  return log.lines.map(({ level, fields, message }) => [level, message, fields] as const);
}

/** The fields of the lines that say so. */
function linesOf(node: PresenceNodeProcess, message: string) {
  return node.log.lines.filter((line) => line.message === message).map(({ fields }) => fields);
}

describe("nodes that fit together", () => {
  test("are greeted, and no more is said of them", async () => {
    const nodes = new PresenceNodes();
    const settings = { "jwt.secret": 1, "api.keys": 2 };
    const [a, b] = [nodes.start("a", { settings }), nodes.start("b", { settings })];
    await nodes.pass(HEARD_MS);
    expect(read(a)).toEqual([["info", ANOTHER, { node: "b", version: "1.2.3" }]]);
    expect(read(b)).toEqual([["info", ANOTHER, { node: "a", version: "1.2.3" }]]);
    expect(a.cluster.list().map(({ differs }) => differs)).toEqual([[], []]);
  });
});

describe("a node with other settings", () => {
  test("is told of once, by the names of the settings, on both", async () => {
    const nodes = new PresenceNodes();
    const a = nodes.start("a", { settings: { "jwt.secret": 1, "api.keys": 2, "chat.echo": 3 } });
    const b = nodes.start("b", { settings: { "jwt.secret": 9, "api.keys": 2, "chat.echo": 8 } });
    await nodes.pass(HEARD_MS);
    const settings = ["jwt.secret", "chat.echo"];
    expect(linesOf(a, OTHERWISE)).toEqual([{ node: "b", settings }]);
    expect(linesOf(b, OTHERWISE)).toEqual([{ node: "a", settings }]);
    expect(a.cluster.list().map(({ differs }) => differs)).toEqual([[], settings]);
  });

  test("does not differ in what only one version knows", async () => {
    const nodes = new PresenceNodes();
    const a = nodes.start("a", { settings: { "jwt.secret": 1, "older.setting": 2 } });
    const b = nodes.start("b", { settings: { "jwt.secret": 1, "newer.setting": 2 } });
    await nodes.pass(HEARD_MS);
    for (const node of [a, b]) expect(linesOf(node, OTHERWISE)).toEqual([]);
  });
});

test("a node of another version is told of", async () => {
  const nodes = new PresenceNodes();
  const a = nodes.start("a");
  nodes.start("b", { version: "1.3.0" });
  await nodes.pass(HEARD_MS);
  expect(read(a)).toEqual([
    [
      "warn",
      "Another node is there, of another version: bring all nodes to one",
      { node: "b", version: "1.3.0", ownVersion: "1.2.3" },
    ],
  ]);
});

test("a node that is not understood is told of once", async () => {
  const nodes = new PresenceNodes();
  const a = nodes.start("a");
  const b = nodes.start("b");
  await nodes.pass(HEARD_MS);
  const { length } = a.log.lines;
  for (let time = 0; time < 3; time += 1) {
    b.backplane.publish(EVERY_NODE, Uint8Array.from([255, 0]));
    await nodes.pass(100);
  }
  expect(read(a).slice(length)).toEqual([
    ["warn", "Another node is not understood: bring all nodes to one version", { node: "b" }],
  ]);
});

describe("two nodes of one name", () => {
  test("each tell of the other once", async () => {
    const nodes = new PresenceNodes();
    const twins = [nodes.start("a"), nodes.start("a")];
    const other = nodes.start("b");
    await nodes.pass(HEARD_MS);
    for (const twin of twins) expect(linesOf(twin, TWIN)).toEqual([{ node: "a" }]);
    expect(linesOf(other, TWIN)).toEqual([]);
  });

  test("are none when one follows the other, however that one ended", async () => {
    const nodes = new PresenceNodes();
    const b = nodes.start("b");
    nodes.start("a").kill();
    const second = nodes.start("a");
    await nodes.pass(HEARD_MS);
    await second.stop();
    const third = nodes.start("a");
    await nodes.pass(HEARD_MS);
    for (const node of [b, second, third]) expect(linesOf(node, TWIN)).toEqual([]);
  });
});

describe("a node whose leader it does not hear", () => {
  const LONG_MS = 60_000;

  test("says so once, whether or not it hears others", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = [nodes.start("a", { isLeader: false }), nodes.start("b", { isLeader: false })];
    await nodes.pass(LONG_MS);
    for (const node of [a, b]) expect(linesOf(node, UNLED)).toEqual([{}]);
    a.isLeader = true;
    await nodes.pass(2_000);
    a.isLeader = false;
    await nodes.pass(LONG_MS);
    for (const node of [a, b]) expect(linesOf(node, UNLED)).toEqual([{}, {}]);
  });

  test("says nothing while one leads, one follows the other, or it is cut off", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = [nodes.start("a"), nodes.start("b", { isLeader: false })];
    await nodes.pass(LONG_MS);
    a.kill();
    await nodes.pass(20_000);
    b.isLeader = true;
    await nodes.pass(2_000);
    b.isLeader = false;
    b.backplane.lose();
    await nodes.pass(LONG_MS);
    expect(linesOf(b, UNLED)).toEqual([]);
  });
});
