import { describe, expect, spyOn, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { SyncOutcome } from "../../src/chat/sync.ts";
import { AppError } from "../../src/errors.ts";
import { createGroup } from "../support/chat-harness.ts";
import { type ChatNode, ChatNodes, NodeDevice } from "../support/chat-nodes.ts";
import { settled } from "../support/held-store.ts";

/** Alice and Bob have said something to each other, longer ago than anything is on its way. */
async function setUp(count = 2, isDeferred = true, aheadMs: readonly number[] = []) {
  const nodes = new ChatNodes(count, isDeferred);
  for (const [index, node] of nodes.all.entries()) node.aheadMs = aheadMs[index] ?? 0;
  nodes.at(0).harness.send("alice", { conversationId: "c", recipientId: "bob", content: "old" });
  await nodes.quiet();
  nodes.clock.advance(1_200_000);
  await nodes.quiet();
  return nodes;
}

const say = (nodes: ChatNodes, index: number, content: string, from = "alice") =>
  nodes.at(index).harness.send(from, { conversationId: "c", content, clientMessageId: content });

/** Up to where the device is in step, as SYNCED says. */
function seqOf(outcome: SyncOutcome | AppError): number | undefined {
  return "conversations" in outcome ? outcome.conversations.get("c")?.seq : undefined;
}

/** All nodes with a device know now how far the conversation has been told. */
async function greet(nodes: ChatNodes): Promise<void> {
  say(nodes, 0, "hi");
  await settled();
  await arrived(nodes);
}

/** A feed of Bob's messages. */
function feedOf(node: ChatNode, taken: StoredMessage[], position: string | null) {
  const reader = {
    ...{ isOpen: true, hasRoom: true, has() {}, caughtUp() {}, ready: () => null },
    take: (message: StoredMessage) => taken.push(message),
  };
  const feed = node.chat.feedTo("bob", reader, position);
  const { outlet } = node.harness;
  const told = outlet.message.bind(outlet);
  outlet.message = (userId, message, body, except) => {
    told(userId, message, body, except);
    if (userId === "bob" && reader.isOpen) feed.receive(message, body);
  };
  node.onTold = () => void feed.flush();
  return { started: feed.start(), reader };
}

/** The device has received what it was sent. */
async function receive({ node, userId, got }: NodeDevice): Promise<void> {
  for (const message of got) await node.chat.receipts.delivered(userId, message);
  await settled();
}

/** Everything that the nodes have said has arrived. */
async function arrived(nodes: ChatNodes): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    for (const node of nodes.all) for (const other of nodes.all) while (node.arrive(other));
    await settled();
  }
}

describe.each([
  ["at once", false],
  ["by promises", true],
])("of a store that answers %s,", (_name, isDeferred) => {
  describe.each([
    ["alike", 0],
    ["five minutes behind", -300_000],
    ["five minutes ahead", 300_000],
  ])("with the clock of the node that writes %s,", (_which, aheadMs) => {
    test("what is written while a device waits to begin is for it, though another one has received it", async () => {
      const nodes = await setUp(2, isDeferred, [aheadMs]);
      const there = await nodes.at(0).connect("bob");
      await receive(there);
      nodes.at(1).isSlow = true;
      const late = await nodes.at(1).connect("bob");
      say(nodes, 0, "meanwhile");
      await settled();
      await arrived(nodes);
      await receive(there);
      await arrived(nodes);
      nodes.at(1).confirm();
      await late.caughtUp;
      expect([there.contents(), late.contents()]).toEqual([["old", "meanwhile"], ["meanwhile"]]);
    });

    test("so is what its node hears before it has begun", async () => {
      const nodes = await setUp(2, isDeferred, [aheadMs]);
      const there = await nodes.at(0).connect("bob");
      await receive(there);
      nodes.at(1).isSlow = true;
      const late = await nodes.at(1).connect("bob");
      for (const content of ["1", "2"]) {
        say(nodes, 0, content);
        await settled();
        await arrived(nodes);
        await receive(there);
        nodes.at(0).outgoing.clear();
      }
      say(nodes, 1, "3");
      await settled();
      nodes.at(1).confirm();
      await late.caughtUp;
      expect(late.contents()).toEqual(["1", "2", "3"]);
    });

    test.each([1, 300])(
      "what a device has, %d messages, does not come again at a node that is told of it late",
      async (count) => {
        const nodes = await setUp(3, isDeferred, [aheadMs]);
        const before = await nodes.at(1).connect("bob");
        for (let said = 0; said < count; said += 1) say(nodes, 0, `${said} ${"x".repeat(1_000)}`);
        await settled();
        while (nodes.at(0).arrive(nodes.at(1)));
        await settled();
        expect(before.got).toHaveLength(count + 1);
        await receive(before);
        nodes.at(1).disconnect(before);
        const back = await nodes.at(2).connect("bob");
        await back.caughtUp;
        await arrived(nodes);
        say(nodes, 0, "next");
        await settled();
        await arrived(nodes);
        expect(back.contents()).toEqual(["next"]);
      },
    );
  });

  test("a message reaches devices on all nodes, and its sender's other ones hear SENT", async () => {
    const nodes = await setUp(3, isDeferred);
    const devices: NodeDevice[] = [];
    for (const [index, userId] of ["alice", "bob", "alice"].entries()) {
      devices.push(await nodes.at(index).connect(userId));
    }
    say(nodes, 0, "hello");
    await settled();
    await arrived(nodes);
    expect(devices.map((device) => device.contents())).toEqual([
      ["hello"],
      ["old", "hello"],
      ["hello"],
    ]);
    for (const index of [0, 2]) {
      const sent = nodes.at(index).harness.outlet.bodies("confirmation", "alice");
      expect(sent.at(-1)).toMatchObject({ clientMessageId: "hello", status: "SENT" });
    }
    expect(nodes.faults()).toEqual([]);
  });

  test("words that cross are told in their order on both nodes", async () => {
    const nodes = await setUp(3, isDeferred);
    const bob = await nodes.at(2).connect("bob");
    const [one, other, third] = [nodes.at(0), nodes.at(1), nodes.at(2)];
    await greet(nodes);
    say(nodes, 0, "first");
    await settled();
    say(nodes, 1, "second");
    await settled();
    while (other.arrive(third));
    await settled();
    expect(bob.contents()).toEqual(["old", "hi"]);
    while (one.arrive(third));
    await settled();
    expect(bob.contents()).toEqual(["old", "hi", "first", "second"]);
  });

  test("what waits while another node is heard comes behind it, without a refused commit", async () => {
    const nodes = await setUp(2, isDeferred);
    const alice = await nodes.at(1).connect("alice");
    await greet(nodes);
    const { held } = nodes.at(1);
    held.isHolding = true;
    nodes.at(1).harness.send("bob", { conversationId: "d", recipientId: "alice", content: "d" });
    await settled();
    say(nodes, 1, "waits", "bob");
    say(nodes, 1, "too", "bob");
    say(nodes, 0, "is heard");
    await settled();
    await arrived(nodes);
    const before = held.batches.length;
    await held.release();
    await held.release();
    expect(held.batches).toHaveLength(before + 1);
    expect(alice.contents()).toEqual(["hi", "is heard", "waits", "too"]);
    expect(nodes.faults()).toEqual([]);
  });

  test("the first message is told where the conversation was looked up before its commit", async () => {
    const nodes = await setUp(2, isDeferred);
    const bob = await nodes.at(1).connect("bob");
    const { chat, held } = nodes.at(1);
    const read = held.store.conversation.bind(held.store);
    const late = Promise.withResolvers<void>();
    let looks = 0;
    held.store.conversation = (id) => {
      looks += 1;
      if (looks > 1) return read(id);
      const found = read(id);
      return late.promise.then(() => found);
    };
    const early = chat.conversations.find("new");
    const first = { conversationId: "new", recipientId: "bob", content: "first" };
    nodes.at(0).harness.send("alice", first);
    await settled();
    await arrived(nodes);
    late.resolve();
    expect(await early).toBeNull();
    await settled();
    expect(bob.contents("new")).toEqual(["first"]);
    expect(nodes.faults()).toEqual([]);
  });

  test("one that got lost is read from the store when the next one is there", async () => {
    const nodes = await setUp(2, isDeferred);
    const bob = await nodes.at(1).connect("bob");
    await greet(nodes);
    for (const content of ["1", "2", "3"]) {
      say(nodes, 0, content);
      await settled();
    }
    nodes.at(0).outgoing.clear();
    say(nodes, 0, "4");
    await settled();
    await arrived(nodes);
    expect(bob.contents()).toEqual(["old", "hi"]);
    nodes.clock.advance(20);
    await settled();
    expect(bob.contents()).toEqual(["old", "hi", "1", "2", "3", "4"]);
  });

  test("what is told while the store cannot be read is read from it then, and not kept in memory", async () => {
    const nodes = await setUp(2, isDeferred);
    const bob = await nodes.at(1).connect("bob");
    await greet(nodes);
    const { store } = nodes.at(1).held;
    const history = store.history.bind(store);
    const reads: number[] = [];
    store.history = () => {
      throw new AppError("STORAGE_UNAVAILABLE", "away");
    };
    // What is before it is missing, so that none of it can be told.
    say(nodes, 0, "lost");
    await settled();
    nodes.at(0).outgoing.clear();
    for (let said = 0; said < 3_000; said += 1) say(nodes, 0, `${said}`);
    await settled();
    await arrived(nodes);
    expect(bob.contents()).toEqual(["old", "hi"]);
    store.history = (query) => {
      reads.push(query.limit);
      return history(query);
    };
    nodes.clock.advance(1_000);
    await nodes.settle();
    expect(bob.contents()).toHaveLength(3_003);
    expect(reads.length).toBeGreaterThan(2_000 / 100);
  });

  test("a device that reads what others have not been told yet tells them: nothing comes twice", async () => {
    const nodes = await setUp(2, isDeferred);
    const there = await nodes.at(1).connect("bob");
    say(nodes, 0, "on its way");
    await settled();
    const late = await nodes.at(1).connect("bob");
    await late.caughtUp;
    expect(there.contents()).toEqual(["old", "on its way"]);
    await arrived(nodes);
    say(nodes, 0, "next");
    await settled();
    await arrived(nodes);
    for (const device of [there, late]) {
      expect(device.contents()).toEqual(["old", "on its way", "next"]);
    }
  });

  test.each([
    ["everything", 1],
    ["much more than is held", 300],
  ])(
    "a device that has %s gets nothing of it again where nobody knew the conversation",
    async (_what, count) => {
      const nodes = await setUp(3, isDeferred);
      const before = await nodes.at(1).connect("bob");
      for (let said = 0; said < count; said += 1) say(nodes, 0, `${said} ${"x".repeat(1_000)}`);
      await settled();
      await arrived(nodes);
      expect(before.got).toHaveLength(count + 1);
      const { id = null, seq = 0 } = before.got.at(-1) ?? {};
      nodes.at(1).disconnect(before);
      const synced: (SyncOutcome | AppError)[] = [];
      const here = await nodes.at(2).connect("bob", [
        {
          ...{ positions: new Map([["c", { seq, id }]]), bytes: 0 },
          settled: (outcome) => synced.push(outcome),
        },
      ]);
      await here.caughtUp;
      expect(here.got).toEqual([]);
      expect(synced.map(seqOf)).toEqual([seq]);
      say(nodes, 0, "next");
      await settled();
      await arrived(nodes);
      expect(here.contents()).toEqual(["next"]);
    },
  );

  test("a sync says no more than what the device was sent, whatever another node has committed since", async () => {
    const nodes = await setUp(2, isDeferred);
    const pause = Promise.withResolvers<void>();
    const synced: (SyncOutcome | AppError)[] = [];
    const positions = new Map([["c", { seq: 0, id: null }]]);
    const settledWith = (outcome: SyncOutcome | AppError) => synced.push(outcome);
    const sync = { positions, bytes: 0, settled: settledWith };
    const bob = new NodeDevice(nodes.at(1), "bob");
    bob.replay = (message) => {
      bob.got.push(message);
      bob.pause = pause.promise;
    };
    await nodes.at(1).connect("bob", [sync], bob);
    expect(bob.contents()).toEqual(["old"]);
    say(nodes, 0, "since");
    await settled();
    await nodes.at(1).chat.conversations.findFresh("c");
    bob.pause = null;
    pause.resolve();
    await bob.caughtUp;
    expect(synced.map(seqOf)).toEqual([bob.got.at(-1)?.seq]);
    await arrived(nodes);
    expect(bob.contents()).toEqual(["old", "since"]);
  });

  test("a device begins to read only when what others say arrives", async () => {
    const nodes = await setUp(2, isDeferred);
    nodes.at(1).isSlow = true;
    const bob = await nodes.at(1).connect("bob");
    // Nobody listens for bob yet: these are told into the void.
    say(nodes, 0, "before");
    await settled();
    nodes.at(0).outgoing.clear();
    expect(bob.contents()).toEqual([]);
    nodes.at(1).confirm();
    await settled();
    expect(bob.contents()).toEqual(["old", "before"]);
  });

  test("what is written, and received by another one, while a device reads what is unreceived is for it", async () => {
    const nodes = await setUp(2, isDeferred);
    const there = await nodes.at(0).connect("bob");
    say(nodes, 0, "recent");
    await settled();
    await arrived(nodes);
    await receive(there);
    const { store } = nodes.at(1).held;
    const { backlog } = store;
    const gate = Promise.withResolvers<void>();
    spyOn(store, "backlog").mockImplementation(async (userId) => {
      await gate.promise;
      return backlog(userId);
    });
    const late = await nodes.at(1).connect("bob");
    say(nodes, 0, "received");
    await settled();
    await receive(there);
    say(nodes, 0, "next");
    await settled();
    gate.resolve();
    await settled();
    await arrived(nodes);
    await late.caughtUp;
    expect(late.contents()).toEqual(["received", "next"]);
  });

  test.each([
    ["last", []],
    ["before another one", ["next"]],
  ])(
    "what was on its way to disk when a device came is for it, also the %s, though another one has received it",
    async (_, behind) => {
      const nodes = await setUp(2, isDeferred);
      const there = await nodes.at(0).connect("bob");
      await receive(there);
      nodes.at(0).held.isHolding = true;
      say(nodes, 0, "on its way");
      await settled();
      nodes.clock.advance(500);
      nodes.at(1).isSlow = true;
      const late = await nodes.at(1).connect("bob");
      nodes.at(0).held.isHolding = false;
      await nodes.at(0).held.release();
      await arrived(nodes);
      const newest = there.got.at(-1);
      if (newest === undefined) throw new TypeError("nothing came");
      await nodes.at(0).chat.receipts.delivered("bob", newest);
      for (const content of behind) say(nodes, 0, content);
      await settled();
      await arrived(nodes);
      nodes.at(1).confirm();
      await late.caughtUp;
      expect(late.contents()).toEqual(["on its way", ...behind]);
    },
  );

  test("who was cut off is told of what came meanwhile, and tells what it took", async () => {
    const nodes = await setUp(3, isDeferred);
    const here = await nodes.at(0).connect("alice");
    const bob = await nodes.at(1).connect("bob");
    nodes.at(1).cutOff();
    say(nodes, 0, "to bob");
    await settled();
    nodes.clock.advance(100_000);
    await arrived(nodes);
    expect(bob.contents()).toEqual(["old"]);
    say(nodes, 1, "from bob", "bob");
    await settled();
    expect(here.contents()).toEqual(["to bob"]);
    nodes.at(1).heal();
    await settled();
    await arrived(nodes);
    expect(bob.contents()).toEqual(["old", "to bob", "from bob"]);
    expect(here.contents()).toEqual(["to bob", "from bob"]);
  });

  test("what was received while its sender was cut off is told the sender after that", async () => {
    const nodes = await setUp(2, isDeferred);
    await nodes.at(0).connect("alice");
    const bob = await nodes.at(1).connect("bob");
    say(nodes, 0, "hello");
    await settled();
    await arrived(nodes);
    nodes.at(0).cutOff();
    for (const message of bob.got) await nodes.at(1).chat.receipts.delivered("bob", message);
    await nodes.at(1).chat.receipts.read("bob", bob.got.at(-1)?.id ?? "", null);
    await settled();
    const { outlet } = nodes.at(0).harness;
    const heard = () => [
      ...outlet.bodies("confirmation", "alice").map(({ seq, status }) => [seq, status]),
      ...outlet.bodies("receipt", "alice").map(({ seq, status }) => [seq, status]),
    ];
    expect(heard()).not.toContainEqual([2, "DELIVERED"]);
    nodes.at(0).heal();
    await settled();
    expect(heard()).toContainEqual([2, "DELIVERED"]);
    expect(heard()).toContainEqual([2, "READ"]);
  });

  test("a message whose node ended before it told anybody is told when it is sent again", async () => {
    const nodes = await setUp(3, isDeferred);
    const here = await nodes.at(1).connect("bob");
    const there = await nodes.at(2).connect("bob");
    await greet(nodes);
    say(nodes, 0, "lost");
    await settled();
    nodes.at(0).outgoing.clear();
    const again = say(nodes, 1, "lost");
    await settled();
    await arrived(nodes);
    expect(again).toEqual([null]);
    for (const bob of [here, there]) expect(bob.contents()).toEqual(["old", "hi", "lost"]);
    say(nodes, 1, "lost");
    await settled();
    await arrived(nodes);
    expect(there.contents()).toEqual(["old", "hi", "lost"]);
  });

  test("of what its own node reads from the store, the device that sent it gets no copy", async () => {
    const nodes = await setUp(2, isDeferred);
    const node = nodes.at(0);
    const [origin, other] = [{}, await node.connect("alice")];
    await greet(nodes);
    node.held.isHolding = true;
    node.harness.send("alice", { conversationId: "c", content: "mine" }, origin);
    await settled();
    // On disk, and the node does not know yet.
    const [batch] = node.held.batches.slice(-1);
    if (batch === undefined) throw new TypeError("nothing is committed");
    await nodes.inner.commit(batch);
    const [message] = batch.messages;
    await node.connect("bob");
    expect(node.harness.outlet.of("message").filter(({ body }) => body.id === message?.id)).toEqual(
      expect.arrayContaining([expect.objectContaining({ to: "alice", except: origin })]),
    );
    expect(other.contents()).toContain("mine");
  });

  test("a change of members is known where nobody has heard of a message since", async () => {
    const nodes = await setUp(2, isDeferred);
    await createGroup(nodes.at(0).chat, "g", ["alice", "bob"]);
    await nodes.quiet();
    const { conversations, membership } = nodes.at(1).chat;
    const members = () => [...(conversations.peek("g")?.members.keys() ?? [])];
    await conversations.find("g");
    expect(members()).toEqual(["alice", "bob"]);
    await nodes.at(0).chat.membership.add(SYSTEM, "g", "cid");
    // Who asks for it is told, before the node hears of it.
    const found = await conversations.findFor("cid", "g");
    expect([...found.members.keys()]).toContain("cid");
    await nodes.at(0).chat.membership.remove(SYSTEM, "g", "cid");
    expect(members()).toContain("cid");
    await arrived(nodes);
    expect(members()).toEqual(["alice", "bob"]);
    // Of changes on their way nothing is taken back.
    nodes.at(1).held.isHolding = true;
    const adding = membership.add(SYSTEM, "g", "dan");
    await settled();
    const conversation = conversations.peek("g");
    if (conversation === undefined) throw new TypeError("there is none");
    const reloaded = conversations.reload(conversation);
    await settled();
    expect(members()).toContain("dan");
    await nodes.at(1).held.release();
    await Promise.all([adding, reloaded]);
    expect(members()).toContain("dan");
  });

  test("a feed is given what nodes say whose clocks differ, and goes on at another node", async () => {
    const nodes = await setUp(3, isDeferred);
    nodes.at(1).aheadMs = 3_000;
    const taken: StoredMessage[] = [];
    const follow = (index: number, position: string | null) =>
      feedOf(nodes.at(index), taken, position);
    await nodes.at(2).connect("bob"); // Who has a feed is connected as well.
    const first = follow(2, null);
    await first.started;
    await settled();
    for (const [at, index] of [1, 0, 1, 0].entries()) {
      const from = index === 0 ? "alice" : "cid";
      const conversationId = index === 0 ? "c" : "cid-bob";
      const message = { conversationId, recipientId: "bob", content: `${at}` };
      nodes.at(index).harness.send(from, message);
      await settled();
      await arrived(nodes);
    }
    expect(taken.map(({ content }) => content)).toEqual(["old", "0", "1", "2", "3"]);
    // What its node had before is given again, of the last seconds alone.
    first.reader.isOpen = false;
    const position = taken.at(-1)?.id ?? null;
    taken.splice(0);
    nodes.at(0).harness.send("alice", { conversationId: "c", content: "4" });
    await settled();
    await follow(0, position).started;
    await settled();
    expect(taken.map(({ content }) => content).toSorted()).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("a feed is given what is told together in the order of seq, whatever its ids are", async () => {
    const nodes = await setUp(3, isDeferred);
    nodes.at(1).aheadMs = 1_000;
    const taken: StoredMessage[] = [];
    await nodes.at(2).connect("bob");
    await feedOf(nodes.at(2), taken, null).started;
    await greet(nodes);
    say(nodes, 1, "has the higher id");
    await settled();
    say(nodes, 0, "comes behind it");
    await settled();
    // Its word is the first, and waits for what is before it.
    while (nodes.at(0).arrive(nodes.at(2)));
    await arrived(nodes);
    const ids = taken.map(({ id }) => id);
    expect(ids).not.toEqual(ids.toSorted());
    expect(taken.map(({ content }) => content)).toEqual([
      ...["old", "hi", "has the higher id", "comes behind it"],
    ]);
  });

  test("DELIVERED of a group comes when the last member has it, on whichever node", async () => {
    const nodes = await setUp(3, isDeferred);
    await createGroup(nodes.at(0).chat, "g", ["alice", "bob", "cid"]);
    await nodes.quiet();
    const bob = await nodes.at(1).connect("bob");
    const cid = await nodes.at(2).connect("cid");
    await nodes.at(0).connect("alice");
    nodes.at(0).chat.presence.connected("alice", "Alice");
    nodes.at(0).harness.send("alice", { conversationId: "g", content: "all" });
    await settled();
    await arrived(nodes);
    const receive = async (device: NodeDevice) => {
      for (const message of device.got) {
        await device.node.chat.receipts.delivered(device.userId, message);
      }
      await settled();
      nodes.clock.advance(50);
      await settled();
      await arrived(nodes);
    };
    const delivered = () =>
      nodes
        .at(0)
        .harness.outlet.bodies("confirmation", "alice")
        .filter(({ conversationId, status }) => conversationId === "g" && status === "DELIVERED");
    await receive(bob);
    expect(delivered()).toEqual([]);
    await receive(cid);
    expect(delivered()).toHaveLength(1);
  });

  test("whoever is added elsewhere is shown messages from then on, and who is removed none", async () => {
    const nodes = await setUp(3, isDeferred);
    await createGroup(nodes.at(0).chat, "g", ["alice", "bob"]);
    await nodes.quiet();
    const bob = await nodes.at(1).connect("bob");
    const cid = await nodes.at(1).connect("cid");
    const dan = await nodes.at(2).connect("alice");
    const speak = async (index: number, content: string) => {
      nodes.at(index).harness.send("alice", { conversationId: "g", content });
      await settled();
      await arrived(nodes);
    };
    await speak(0, "1");
    await speak(2, "2");
    await nodes.at(2).chat.membership.add(SYSTEM, "g", "cid");
    // What tells of it is late: the next message comes first.
    await speak(2, "3");
    await nodes.at(0).chat.membership.remove(SYSTEM, "g", "bob");
    await speak(0, "4");
    const isText = ({ event, conversationId }: StoredMessage) =>
      event === null && conversationId === "g";
    const texts = (device: NodeDevice) => device.got.filter(isText).map(({ content }) => content);
    expect(texts(bob)).toEqual(["1", "2", "3"]);
    expect(texts(cid)).toEqual(["3", "4"]);
    expect(texts(dan)).toEqual(["1", "2", "3", "4"]);
    // And told so.
    expect(bob.got.at(-1)?.type).toBe("MEMBER_REMOVED");
    expect(
      nodes
        .at(1)
        .harness.outlet.of("left")
        .map(({ to }) => to),
    ).toEqual(["bob"]);
    expect(nodes.faults()).toEqual([]);
  });
});

type Step =
  | { readonly kind: "say"; readonly node: number; readonly from: number; readonly to: number }
  | { readonly kind: "arrive" | "lose"; readonly node: number; readonly to: number }
  | { readonly kind: "commit" | "cut" | "heal" | "slow" | "confirm"; readonly node: number }
  | { readonly kind: "connect"; readonly node: number; readonly from: number }
  | { readonly kind: "disconnect" | "receive"; readonly node: number }
  | { readonly kind: "pass"; readonly ms: number };

const index = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant("say" as const), node: index, from: fc.nat(1), to: fc.nat(1) },
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant("arrive" as const), node: index, to: index }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("commit" as const), node: index }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("connect" as const), node: index, from: fc.nat(1) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disconnect" as const), node: index }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(1, 20, 1_000, 31_000, 700_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("cut" as const, "heal" as const, "slow" as const, "confirm" as const),
      node: index,
    }),
  },
);

const USERS = ["alice", "bob"] as const;
const CONVERSATIONS = ["c", "d"] as const;
/** A device there says that it has what it was sent. */
const receiving: fc.Arbitrary<Step> = fc.record({
  ...{ kind: fc.constant("receive" as const), node: index },
});
const aheadMs = fc.array(fc.constantFrom(0, 150_000, 300_000), { minLength: 3, maxLength: 3 });

/** What there is of each conversation when a device connects. */
interface Connected {
  readonly device: NodeDevice;
  /** The highest `seq` that is in the store. */
  readonly ends: ReadonlyMap<string, number>;
  /** Up to which its user has received all, as the store has it. */
  readonly received: ReadonlyMap<string, number>;
}

function connected(nodes: ChatNodes, device: NodeDevice): Connected {
  const ends = new Map<string, number>();
  const received = new Map<string, number>();
  for (const id of CONVERSATIONS) {
    const conversation = nodes.inner.conversation(id);
    const member = conversation?.members.find(({ userId }) => userId === device.userId);
    ends.set(id, conversation?.lastSeq ?? 0);
    received.set(id, member?.deliveredSeq ?? 0);
  }
  return { device, ends, received };
}

test.each([
  ["everything", step],
  [
    "all that its user had not received, and what came since",
    fc.oneof({ weight: 8, arbitrary: step }, { weight: 1, arbitrary: receiving }),
  ],
])(
  "whatever order commits and notices come in, every device gets %s, each once, in order",
  async (_what, steps) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { maxLength: 60, size: "max" }),
        fc.boolean(),
        aheadMs,
        async (steps, isDeferred, aheadMs) => {
          const nodes = await setUp(3, isDeferred, aheadMs);
          for (const { held } of nodes.all) held.isHolding = true;
          const devices: Connected[] = [];
          let said = 0;
          const take = async (next: Step): Promise<void> => {
            if (next.kind === "pass") {
              // Nobody is cut off for so long, and nothing is on its way.
              if (next.ms > 600_000) await nodes.quiet();
              nodes.clock.advance(next.ms);
              return;
            }
            const node = nodes.at(next.node);
            if (next.kind === "say") {
              said += 1;
              const conversationId = CONVERSATIONS[next.to] ?? "c";
              const recipientId = USERS[1 - next.from] ?? "bob";
              const from = USERS[next.from] ?? "alice";
              node.harness.send(from, { conversationId, recipientId, content: `${said}` });
            } else if (next.kind === "arrive") node.arrive(nodes.at(next.to));
            else if (next.kind === "commit") {
              if (node.held.isCommitting) await node.held.release();
            } else if (next.kind === "connect") {
              const device = new NodeDevice(node, USERS[next.from] ?? "alice");
              devices.push(connected(nodes, device));
              await node.connect(device.userId, [], device);
            } else if (next.kind === "receive") {
              const device = [...node.devices].at(0);
              for (const message of device?.got ?? []) {
                void node.chat.receipts.delivered(device?.userId ?? "", message);
              }
            } else if (next.kind === "disconnect") {
              const device = [...node.devices].at(0);
              if (device !== undefined) node.disconnect(device);
            } else if (next.kind === "cut") node.cutOff();
            else if (next.kind === "heal") node.heal();
            else if (next.kind === "slow") node.isSlow = true;
            else if (next.kind === "confirm") node.confirm();
          };
          for (const next of steps) {
            await take(next);
            await settled();
          }
          await nodes.quiet();
          await nodes.quiet();
          for (const conversationId of CONVERSATIONS) {
            const stored = nodes.inner.history({ conversationId, limit: 10_000 });
            expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1));
            for (const { device, ends, received } of devices) {
              const got = device.got.filter((each) => each.conversationId === conversationId);
              const seqs = got.map(({ seq }) => seq);
              expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
              if (!device.isOpen) continue;
              const isOthers = ({ senderId }: StoredMessage) => senderId !== device.userId;
              const others = got.filter(isOthers).map(({ seq }) => seq);
              const firstSeq = others[0] ?? Number.POSITIVE_INFINITY;
              expect(firstSeq).toBeGreaterThan(received.get(conversationId) ?? 0);
              expect(others).toEqual(
                stored
                  .filter((each) => isOthers(each))
                  .map(({ seq }) => seq)
                  .filter((seq) => seq >= firstSeq || seq > (ends.get(conversationId) ?? 0)),
              );
            }
          }
          expect(nodes.faults()).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  },
  300_000,
);
