import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../src/errors.ts";
import { createGroup } from "../support/chat-harness.ts";
import { type ChatNode, ChatNodes, NodeDevice } from "../support/chat-nodes.ts";
import { settled } from "../support/held-store.ts";

/** Longer than messages are looked at again after an outage. */
const LONG_AGO_MS = 1_200_000;

const say = (node: ChatNode, from: "alice" | "bob", content: string) => {
  const recipientId = from === "alice" ? "bob" : "alice";
  node.harness.send(from, { conversationId: "c", recipientId, content });
};

/** Alice is connected to node 0 all the time. */
async function setUp(isDeferred = true) {
  const nodes = new ChatNodes(3, isDeferred);
  await nodes.at(0).connect("alice");
  say(nodes.at(0), "alice", "first");
  await nodes.quiet();
  return nodes;
}

async function arrived(nodes: ChatNodes): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    for (const node of nodes.all) for (const other of nodes.all) while (node.arrive(other));
    await settled();
  }
}

/** The device acknowledges all that it was sent. */
async function receive({ node, userId, got }: NodeDevice, count = got.length): Promise<void> {
  for (const message of got.slice(0, count)) {
    if (message.senderId !== userId) await node.chat.receipts.delivered(userId, message);
  }
  await settled();
}

async function read({ node, userId, got }: NodeDevice, index = got.length - 1): Promise<void> {
  const message = got[index];
  if (message !== undefined) await node.chat.receipts.read(userId, message.id, null);
  await settled();
}

/** What the node has told Alice. */
function told(nodes: ChatNodes, conversationId = "c", index = 0) {
  const { outlet } = nodes.at(index).harness;
  const of = (kind: "confirmation" | "receipt", status: string) =>
    outlet
      .bodies(kind, "alice")
      .filter((body) => body.status === status && body.conversationId === conversationId);
  return {
    delivered: of("confirmation", "DELIVERED").map(({ seq }) => Number(seq)),
    read: of("receipt", "READ").map(({ seq, readerId }) => [readerId, seq]),
  };
}

describe.each([
  ["at once", false],
  ["by promises", true],
])("of a store that answers %s,", (_name, isDeferred) => {
  test("DELIVERED comes once where devices of the recipient are on two nodes", async () => {
    const nodes = await setUp(isDeferred);
    const devices = [await nodes.at(1).connect("bob"), await nodes.at(2).connect("bob")];
    for (const content of ["second", "third"]) say(nodes.at(0), "alice", content);
    await settled();
    await arrived(nodes);
    // None of the nodes has heard of the other one's mark.
    for (const device of devices) await receive(device);
    await arrived(nodes);
    expect(told(nodes).delivered).toEqual([1, 2, 3]);
    const there = nodes.at(1).harness.outlet.bodies("confirmation", "alice");
    expect(there.filter(({ status }) => status === "DELIVERED")).toHaveLength(3);
  });

  test("a mark that another node has brought further stays there when this one's is on disk", async () => {
    const nodes = await setUp(isDeferred);
    const devices = [await nodes.at(1).connect("bob"), await nodes.at(2).connect("bob")] as const;
    for (const content of ["second", "third"]) say(nodes.at(0), "alice", content);
    await settled();
    await arrived(nodes);
    const { held, chat } = nodes.at(1);
    held.isHolding = true;
    await receive(devices[0], 1);
    await receive(devices[1]);
    const conversation = chat.conversations.peek("c");
    if (conversation === undefined) throw new TypeError("nobody knows it");
    await chat.conversations.reload(conversation);
    expect(conversation.isDeliveredToAllBut("alice", 3)).toBe(true);
    await held.release();
    expect(conversation.isDeliveredToAllBut("alice", 3)).toBe(true);
  });

  test("of a group, what was received and read is told when the store can be read again", async () => {
    const nodes = new ChatNodes(1, isDeferred);
    const node = nodes.at(0);
    await createGroup(node.chat, "g", ["alice", "bob", "cid"]);
    const others = [await node.connect("bob"), await node.connect("cid")];
    await node.connect("alice");
    for (const from of ["alice", "cid"]) {
      node.harness.send(from, { conversationId: "g", content: "all" });
      await nodes.settle();
    }
    const { store } = node.held;
    const { slowest, lastMessagePerSender } = store;
    store.slowest = store.lastMessagePerSender = () => {
      throw new AppError("STORAGE_UNAVAILABLE", "away");
    };
    for (const device of others) await receive(device);
    const [bob] = others;
    if (bob !== undefined) await read(bob);
    await nodes.settle();
    expect(told(nodes, "g")).toEqual({ delivered: [], read: [] });
    Object.assign(store, { slowest, lastMessagePerSender });
    nodes.clock.advance(1_000);
    await nodes.settle();
    expect(told(nodes, "g").delivered).toHaveLength(1);
    expect(told(nodes, "g").read.map(([readerId]) => readerId)).toEqual(["bob"]);
  });

  test("what one device received a while ago is not DELIVERED again by another one", async () => {
    const nodes = await setUp(isDeferred);
    // The other node has the conversation in memory, and does not hear of the mark.
    await nodes.at(2).chat.conversations.find("c");
    await receive(await nodes.at(1).connect("bob"));
    await arrived(nodes);
    nodes.clock.advance(LONG_AGO_MS);
    const later = new NodeDevice(nodes.at(2), "bob");
    later.got.push(...nodes.inner.history({ conversationId: "c", limit: 10 }));
    const before = nodes.at(2).harness.outlet.of("confirmation").length;
    let reads = 0;
    const conversation = nodes.at(2).held.store.conversation;
    nodes.at(2).held.store.conversation = (id) => {
      reads += 1;
      return conversation(id);
    };
    await receive(later);
    await receive(later);
    await arrived(nodes);
    expect(nodes.at(2).harness.outlet.of("confirmation").slice(before)).toEqual([]);
    expect(told(nodes).delivered).toEqual([1]);
    expect(reads).toBe(1);
  });

  describe.each([
    ["the sender's node", 0],
    ["the reader's node", 1],
  ])("while %s is cut off", (_which, cutOff) => {
    test("an old message is read: its sender sees it when that is over", async () => {
      const nodes = await setUp(isDeferred);
      const bob = await nodes.at(1).connect("bob");
      nodes.clock.advance(LONG_AGO_MS);
      await nodes.quiet();
      nodes.at(cutOff).cutOff();
      await receive(bob);
      await read(bob);
      nodes.clock.advance(100_000);
      await arrived(nodes);
      expect(told(nodes)).toEqual({ delivered: [], read: [] });
      nodes.at(cutOff).heal();
      await settled();
      await arrived(nodes);
      expect(told(nodes)).toEqual({ delivered: [1], read: [["bob", 1]] });
      expect(nodes.faults()).toEqual([]);
    });

    test("of old messages of a group, each sender sees what all members have received", async () => {
      const nodes = await setUp(isDeferred);
      await createGroup(nodes.at(0).chat, "g", ["alice", "bob", "cid"]);
      nodes.at(0).harness.send("alice", { conversationId: "g", content: "all" });
      await nodes.quiet();
      const devices = [await nodes.at(1).connect("bob"), await nodes.at(1).connect("cid")];
      nodes.clock.advance(LONG_AGO_MS);
      await nodes.quiet();
      nodes.at(cutOff).cutOff();
      for (const device of devices) {
        await receive(device);
        await read(device);
      }
      nodes.clock.advance(1_000);
      await settled();
      expect(told(nodes, "g")).toEqual({ delivered: [], read: [] });
      nodes.at(cutOff).heal();
      await nodes.settle();
      const seq = nodes.inner.conversation("g")?.lastSeq;
      expect(told(nodes, "g").delivered).toEqual([Number(seq)]);
      expect(new Set(told(nodes, "g").read.map(([readerId]) => readerId))).toEqual(
        new Set(["bob", "cid"]),
      );
    });
  });

  test("news that come before what was missed has been read do not hide it", async () => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    for (const content of ["second", "third"]) say(nodes.at(0), "alice", content);
    await nodes.quiet();
    nodes.clock.advance(LONG_AGO_MS);
    await nodes.quiet();
    nodes.at(0).cutOff();
    await receive(bob, 2);
    const { store } = nodes.at(0).held;
    const { conversation } = store;
    const late = Promise.withResolvers<void>();
    store.conversation = (id) => late.promise.then(() => conversation(id));
    nodes.at(0).heal();
    await receive(bob, 3);
    await arrived(nodes);
    expect(told(nodes).delivered).toEqual([3]);
    late.resolve();
    await settled();
    expect(told(nodes).delivered).toEqual([3, 1, 2]);
  });

  test("news that come before what did not go out is told again do not hide it", async () => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    for (const content of ["second", "third", "fourth"]) say(nodes.at(0), "alice", content);
    await nodes.quiet();
    nodes.at(1).cutOff();
    await receive(bob, 2);
    nodes.at(1).isCutOff = false;
    await receive(bob, 3);
    await read(bob, 2);
    await arrived(nodes);
    expect(told(nodes)).toEqual({ delivered: [3], read: [["bob", 3]] });
    await receive(bob, 4);
    nodes.at(1).outgoing.clear();
    nodes.at(1).chat.nodeNotices?.retell(true);
    await settled();
    await arrived(nodes);
    expect(told(nodes)).toEqual({ delivered: [3, 1, 2, 4], read: [["bob", 3]] });
  });

  test.each([
    ["of what was said while the sender's node was cut off, when that is over", 2],
    ["of an old message, when the reader's node is back", 1],
  ])("where the conversation is not in memory, the sender sees it %s", async (_which, cutOff) => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    nodes.clock.advance(LONG_AGO_MS);
    await nodes.quiet();
    await nodes.at(2).connect("alice");
    expect(nodes.at(2).chat.conversations.peek("c")).toBeUndefined();
    nodes.at(cutOff).cutOff();
    if (cutOff === 2) say(nodes.at(0), "alice", "second");
    await settled();
    await arrived(nodes);
    await receive(bob);
    await read(bob);
    expect(told(nodes, "c", 2)).toEqual({ delivered: [], read: [] });
    nodes.at(cutOff).heal();
    await nodes.settle();
    const seq = cutOff === 2 ? 2 : 1;
    expect(told(nodes, "c", 2)).toEqual({ delivered: [seq], read: [["bob", seq]] });
  });

  test("a mark whose notice got lost unnoticed is told with the word every half minute, once", async () => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    await receive(bob);
    await read(bob);
    nodes.at(1).outgoing.clear();
    await arrived(nodes);
    expect(told(nodes)).toEqual({ delivered: [], read: [] });
    for (let words = 0; words < 2; words += 1) {
      nodes.at(1).chat.nodeNotices?.retell(false);
      await settled();
      await arrived(nodes);
      expect(told(nodes)).toEqual({ delivered: [1], read: [["bob", 1]] });
    }
  });

  test("what was missed is told when the store can be read again, a few conversations at a time", async () => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    const conversations = ["c", ...Array.from({ length: 10 }, (_, index) => `d${index}`)];
    for (const conversationId of conversations.slice(1)) {
      nodes.at(0).harness.send("alice", { conversationId, recipientId: "bob" });
    }
    await nodes.quiet();
    nodes.at(1).cutOff();
    await receive(bob);
    const { store } = nodes.at(0).held;
    const { history } = store;
    let [reads, most] = [0, 0];
    store.history = () => {
      reads += 1;
      most = Math.max(most, reads);
      return Promise.reject(new AppError("STORAGE_UNAVAILABLE", "it fails"));
    };
    nodes.at(1).heal();
    await settled();
    await arrived(nodes);
    expect(most).toBe(4);
    store.history = history;
    nodes.clock.advance(1_000);
    await settled();
    await settled();
    for (const conversationId of conversations) {
      expect(told(nodes, conversationId).delivered).toEqual([1]);
    }
    expect(nodes.faults()).toHaveLength(4);
  });

  test("of who has received much more than they have read, both are told", async () => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    for (let count = 2; count <= 250; count += 1) say(nodes.at(0), "alice", `${count}`);
    await nodes.quiet();
    nodes.clock.advance(LONG_AGO_MS);
    await nodes.quiet();
    nodes.at(0).cutOff();
    await receive(bob);
    await read(bob, 9);
    nodes.at(0).heal();
    await nodes.settle();
    const last = Array.from({ length: 100 }, (_, index) => 151 + index);
    expect(told(nodes)).toEqual({ delivered: last, read: [["bob", 10]] });
  });

  test("whoever has heard of all marks asks the store for none that are told again", async () => {
    const nodes = await setUp(isDeferred);
    const bob = await nodes.at(1).connect("bob");
    await nodes.at(2).connect("bob");
    await receive(bob);
    await read(bob);
    await arrived(nodes);
    let reads = 0;
    for (const { store } of [nodes.at(0).held, nodes.at(2).held]) {
      const { history } = store;
      store.history = (query) => {
        reads += 1;
        return history(query);
      };
    }
    nodes.at(1).chat.nodeNotices?.retell(false);
    await settled();
    await arrived(nodes);
    expect(reads).toBe(0);
    expect(told(nodes)).toEqual({ delivered: [1], read: [["bob", 1]] });
  });
});

type Step =
  | { readonly kind: "say"; readonly node: number; readonly from: "alice" | "bob" }
  | { readonly kind: "arrive" | "lose"; readonly node: number; readonly to: number }
  | { readonly kind: "cut" | "heal" | "connect" | "disconnect"; readonly node: number }
  | { readonly kind: "receive" | "read"; readonly node: number; readonly count: number }
  | { readonly kind: "pass"; readonly ms: number };

const index = fc.nat(2);

function stepWith(...further: "lose"[]): fc.Arbitrary<Step> {
  const crossing = fc.record({
    ...{ kind: fc.constantFrom("arrive" as const, ...further), node: index, to: index },
  });
  const said = fc.record({
    ...{ kind: fc.constant("say" as const), node: index },
    from: fc.constantFrom("alice" as const, "bob" as const),
  });
  const marked = fc.record({
    ...{ kind: fc.constantFrom("receive" as const, "receive" as const, "read" as const) },
    ...{ node: index, count: fc.nat(8) },
  });
  const happened = fc.record({
    kind: fc.constantFrom(
      "cut" as const,
      "heal" as const,
      "connect" as const,
      "disconnect" as const,
    ),
    node: index,
  });
  const passed = fc.record({
    ...{ kind: fc.constant("pass" as const), ms: fc.constantFrom(20, 1_000, 31_000, LONG_AGO_MS) },
  });
  return fc.oneof(
    { weight: 5, arbitrary: said },
    { weight: 10, arbitrary: crossing },
    { weight: 6, arbitrary: marked },
    { weight: 3, arbitrary: happened },
    { weight: 2, arbitrary: passed },
  );
}

/** Takes the steps; what has become of Alice's messages then, by `seq`. */
async function play(steps: readonly Step[], isDeferred: boolean) {
  const nodes = await setUp(isDeferred);
  const deviceOn = (index: number) => [...nodes.at(index).devices].find(isBobs);
  for (const [at, next] of steps.entries()) {
    if (next.kind === "pass") {
      // Nobody is cut off for so long.
      if (next.ms === LONG_AGO_MS) await nodes.quiet();
      nodes.clock.advance(next.ms);
    } else if (next.kind === "say") say(nodes.at(next.node), next.from, `${at}`);
    else if (next.kind === "arrive") nodes.at(next.node).arrive(nodes.at(next.to));
    else if (next.kind === "lose") nodes.at(next.node).outgoing.get(nodes.at(next.to))?.shift();
    else if (next.kind === "cut") nodes.at(next.node).cutOff();
    else if (next.kind === "heal") nodes.at(next.node).heal();
    else if (next.kind === "connect") {
      if (deviceOn(next.node) === undefined) await nodes.at(next.node).connect("bob");
    } else {
      const device = deviceOn(next.node);
      if (device === undefined) continue;
      if (next.kind === "disconnect") nodes.at(next.node).disconnect(device);
      else if (next.kind === "receive") await receive(device, next.count);
      else if (next.kind === "read") await read(device, next.count - 1);
    }
    await settled();
  }
  await nodes.quiet();
  expect(nodes.faults()).toEqual([]);
  const bob = nodes.inner.conversation("c")?.members.find(({ userId }) => userId === "bob");
  const own = nodes.inner
    .history({ conversationId: "c", limit: 1_000 })
    .filter(({ senderId }) => senderId === "alice")
    .map(({ seq }) => seq);
  return {
    delivered: own.filter((seq) => seq <= (bob?.deliveredSeq ?? 0)),
    read: own.filter((seq) => seq <= (bob?.readSeq ?? 0)),
    told: told(nodes),
  };
}

/** What the reader's own devices are told of it arrives at the node of the sender, who is not told. */
const READER_ON_THE_SENDERS_NODE: Step[] = [
  { kind: "connect", node: 2 },
  { kind: "connect", node: 0 },
  { kind: "receive", node: 0, count: 1 },
  { kind: "pass", ms: LONG_AGO_MS },
  { kind: "read", node: 2, count: 1 },
  { kind: "lose", node: 2, to: 0 },
];

/** Its node was about to be told of the first message when it was cut off; the second was received there. */
const PASSED_OVER: Step[] = [
  { kind: "connect", node: 2 },
  { kind: "pass", ms: LONG_AGO_MS },
  { kind: "receive", node: 2, count: 1 },
  { kind: "say", node: 0, from: "alice" },
  { kind: "connect", node: 0 },
  { kind: "cut", node: 0 },
  { kind: "receive", node: 0, count: 1 },
];

const isBobs = ({ userId }: NodeDevice) => userId === "bob";

test("whoever is cut off when, each message that was received is DELIVERED once, and the last one read is READ", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepWith(), { maxLength: 60, size: "max" }),
      fc.boolean(),
      async (steps, isDeferred) => {
        const { delivered, read, told } = await play(steps, isDeferred);
        expect(told.delivered.toSorted((one, other) => one - other)).toEqual(delivered);
        expect(Math.max(0, ...told.read.map(([, seq]) => Number(seq)))).toBe(read.at(-1) ?? 0);
      },
    ),
    { numRuns: 300, examples: [[PASSED_OVER, false]] },
  );
}, 300_000);

test("whatever notice gets lost unnoticed, the last message that was received or read is told, and none twice", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepWith("lose"), { maxLength: 60, size: "max" }),
      fc.boolean(),
      async (steps, isDeferred) => {
        const { delivered, read, told } = await play(steps, isDeferred);
        expect(told.delivered).toEqual([...new Set(told.delivered)]);
        expect(Math.max(0, ...told.delivered)).toBe(delivered.at(-1) ?? 0);
        expect(Math.max(0, ...told.read.map(([, seq]) => Number(seq)))).toBe(read.at(-1) ?? 0);
      },
    ),
    { numRuns: 300, examples: [[READER_ON_THE_SENDERS_NODE, false]] },
  );
}, 300_000);
