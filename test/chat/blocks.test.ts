import { describe, expect, test } from "bun:test";
import { type Block, type BlockStore, Blocks } from "../../src/chat/blocks.ts";
import type { NewMessage } from "../../src/chat/new-message.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryBlockStore } from "../../src/storage/memory-block-store.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

/** Alice and bob have written to each other; then one blocks the other. */
async function withBlock(blockerId: string, blockedId: string) {
  const harness = chatHarness(new MemoryChatStore());
  const { chat } = harness;
  harness.send("alice", { conversationId: "d1", recipientId: "bob", clientMessageId: "m1" });
  harness.send("bob", { conversationId: "d1", clientMessageId: "m1" });
  await settled();
  const refusal = (from: string, message: Partial<NewMessage>) =>
    refusalOf(async () => {
      for (const error of harness.send(from, message)) if (error !== null) throw error;
    });
  return { ...harness, refusal, block: () => chat.blocks.block(blockerId, blockedId) };
}

describe("a direct conversation", () => {
  for (const [blocker, blocked] of [
    ["alice", "bob"],
    ["bob", "alice"],
  ] as const) {
    test(`is closed both ways when ${blocker} blocks ${blocked}, and open again without`, async () => {
      const { chat, refusal, block } = await withBlock(blocker, blocked);
      await block();
      for (const from of ["alice", "bob"]) {
        expect(await refusal(from, { conversationId: "d1" })).toBe("BLOCKED");
        expect(await refusalOf(async () => chat.typing.set(from, "d1", true))).toBe("BLOCKED");
      }
      await chat.blocks.unblock(blocker, blocked);
      for (const from of ["alice", "bob"]) {
        expect(chat.typing.set(from, "d1", true)).toBeUndefined();
        expect(await refusal(from, { conversationId: "d1" })).toBe("not refused");
      }
    });
  }

  test("is not opened, and nobody learns which conversations and users there are", async () => {
    const { refusal, block, send } = await withBlock("bob", "alice");
    send("carol", { conversationId: "d2", recipientId: "bob" });
    await block();
    for (const conversationId of ["d2", "nowhere"]) {
      expect(await refusal("alice", { conversationId, recipientId: "bob" })).toBe("BLOCKED");
      expect(await refusal("alice", { conversationId })).toBe("CONVERSATION_NOT_FOUND");
    }
    const opening = { conversationId: "nowhere", recipientId: "alice" };
    expect(await refusal("bob", opening)).toBe("BLOCKED");
  });

  test("still answers a message that was confirmed before, sent again", async () => {
    const { outlet, block, refusal } = await withBlock("bob", "alice");
    await block();
    expect(await refusal("alice", { conversationId: "d1", clientMessageId: "m1" })).toBe(
      "not refused",
    );
    const [first, again] = outlet.bodies("confirmation", "alice");
    expect(again).toMatchObject({ messageId: first?.messageId, seq: 1, clientMessageId: "m1" });
    // Bob has what was sent before: hers, and his own.
    expect(outlet.bodies("message", "bob")).toHaveLength(2);
  });

  test("is not typed in any more when the block begins, whoever of the two was typing", async () => {
    const { chat, outlet, clock, block } = await withBlock("bob", "alice");
    for (const userId of ["alice", "bob"]) chat.typing.set(userId, "d1", true);
    await block();
    clock.advance(60_000);
    const typing = outlet.bodies("typing", "d1");
    expect(typing.map(({ userId, isTyping }) => [userId, isTyping])).toEqual([
      ["alice", true],
      ["bob", true],
      ["alice", false],
      ["bob", false],
    ]);
  });
});

test("in a group messages and typing go on as they were", async () => {
  const { chat, refusal, block, outlet } = await withBlock("bob", "alice");
  await createGroup(chat, "g1", ["alice", "bob", "carol"]);
  await block();
  expect(await refusal("alice", { conversationId: "g1" })).toBe("not refused");
  expect(await refusal("alice", { conversationId: "g1", recipientId: "bob" })).toBe("not refused");
  expect(chat.typing.set("alice", "g1", true)).toBeUndefined();
  expect(
    outlet.bodies("message", "bob").filter((body) => body.conversationId === "g1"),
  ).toHaveLength(2);
});

describe("blocks", () => {
  /** Puts are done when the test says so. */
  function held() {
    const puts: { isBlocked: boolean; resolve: () => void; reject: (error: AppError) => void }[] =
      [];
    const store: BlockStore = {
      put: (_block: Block, isBlocked) =>
        new Promise<void>((resolve, reject) => puts.push({ isBlocked, resolve, reject })),
      all: () => [],
      kept: () => [],
    };
    return { puts, blocks: new Blocks(store, 2, []) };
  }
  const failure = new AppError("STORAGE_UNAVAILABLE", "no");

  test("are there after a restart, each user's own", async () => {
    const store = new MemoryBlockStore();
    const blocks = new Blocks(store, 2, []);
    await blocks.block("alice", "bob");
    await blocks.block("alice", "carol");
    await blocks.unblock("alice", "bob");
    const again = new Blocks(store, 2, store.all());
    expect(again.of("alice")).toEqual(["carol"]);
    expect(again.of("carol")).toEqual([]);
    expect(again.isBetween("carol", "alice")).toBe(true);
    expect(again.isBlockedBySomebody("carol")).toBe(true);
    expect(again.isBlockedBySomebody("bob")).toBe(false);
  });

  describe("that others have changed in the store", () => {
    const pair = { blockerId: "alice", blockedId: "bob" };

    test("hold and end when they are looked up, and are told", async () => {
      const store = new MemoryBlockStore();
      const blocks = new Blocks(store, 2, []);
      const told: boolean[] = [];
      blocks.onChange((_block, isBlocked) => told.push(isBlocked));
      await store.put(pair, true);
      expect(await blocks.renew([pair])).toEqual([]);
      expect(blocks.has("alice", "bob")).toBe(true);
      await store.put(pair, false);
      expect(await blocks.renewAll()).toEqual([]);
      expect(blocks.has("alice", "bob")).toBe(false);
      expect(told).toEqual([true, false]);
    });

    test("are changed back by a node that has not heard of it", async () => {
      const store = new MemoryBlockStore();
      const [one, other] = [new Blocks(store, 2, []), new Blocks(store, 2, [])];
      await one.block("alice", "bob");
      await other.unblock("alice", "bob");
      expect(store.all()).toEqual([]);
      await other.block("alice", "bob");
      await one.renew([pair]);
      await one.unblock("alice", "bob");
      await other.block("alice", "bob");
      expect(store.all()).toEqual([pair]);
    });

    for (const look of ["renew", "renewAll"] as const) {
      test(`are left as they are by ${look} where this node changes them meanwhile`, async () => {
        const { puts, blocks } = held();
        const blocking = blocks.block("alice", "bob");
        const whileOnItsWay = blocks[look]([pair]);
        expect(await whileOnItsWay).toEqual([pair]);
        expect(blocks.has("alice", "bob")).toBe(true);
        // What was found is older than what is kept by then.
        const before = blocks[look]([pair]);
        puts[0]?.resolve();
        await blocking;
        expect(await before).toEqual([pair]);
        expect(blocks.has("alice", "bob")).toBe(true);
        const unblocking = blocks[look]([pair]);
        void blocks.unblock("alice", "bob");
        expect(await unblocking).toEqual([pair]);
        expect(blocks.has("alice", "bob")).toBe(false);
      });
    }

    test("are said to have been changed here when that is on disk", async () => {
      const { puts, blocks } = held();
      const told: unknown[] = [];
      blocks.onKept((block) => told.push(block));
      const blocking = blocks.block("alice", "bob");
      expect(told).toEqual([]);
      puts[0]?.resolve();
      await blocking;
      expect(told).toEqual([pair]);
      const failing = blocks.unblock("alice", "bob");
      puts[1]?.reject(failure);
      expect(await refusalOf(() => failing)).toBe("STORAGE_UNAVAILABLE");
      expect(told).toHaveLength(1);
    });
  });

  test("are bounded, not of oneself, and the same one is none more", async () => {
    const blocks = new Blocks(new MemoryBlockStore(), 1, []);
    await blocks.block("alice", "bob");
    await blocks.block("alice", "bob");
    expect(await refusalOf(() => blocks.block("alice", "carol"))).toBe("TOO_MANY_BLOCKS");
    expect(await refusalOf(() => blocks.block("alice", "alice"))).toBe("VALIDATION_FAILED");
  });

  test("hold at once, and are told once", () => {
    const { blocks } = held();
    const told: boolean[] = [];
    blocks.onChange((_block, isBlocked) => told.push(isBlocked));
    void blocks.block("alice", "bob");
    void blocks.block("alice", "bob");
    expect(blocks.has("alice", "bob")).toBe(true);
    expect(told).toEqual([true]);
  });

  test("that are asked for twice are both answered when they are on disk", async () => {
    const { puts, blocks } = held();
    let done = 0;
    for (let n = 0; n < 2; n += 1) void blocks.block("alice", "bob").then(() => (done += 1));
    await settled();
    expect([done, puts.length]).toEqual([0, 2]);
    for (const { resolve } of puts) resolve();
    await settled();
    expect(done).toBe(2);
  });

  test("that cannot be kept do not hold, and say so", async () => {
    const { puts, blocks } = held();
    const blocked = refusalOf(() => blocks.block("alice", "bob"));
    puts[0]?.reject(failure);
    expect(await blocked).toBe("STORAGE_UNAVAILABLE");
    expect(blocks.has("alice", "bob")).toBe(false);
  });

  test("that fail after they were changed again leave the newer word", async () => {
    const { puts, blocks } = held();
    const first = refusalOf(() => blocks.block("alice", "bob"));
    const second = blocks.unblock("alice", "bob");
    const third = blocks.block("alice", "bob");
    puts[0]?.reject(failure);
    expect(await first).toBe("STORAGE_UNAVAILABLE");
    expect(blocks.has("alice", "bob")).toBe(true);
    puts[1]?.resolve();
    puts[2]?.resolve();
    await Promise.all([second, third]);
    expect(puts.map(({ isBlocked }) => isBlocked)).toEqual([true, false, true]);
  });

  test.each([
    ["asked for twice", true],
    ["changed again", false],
  ])(
    "that were %s and cannot be kept do not hold, so that asking again keeps them",
    async (_, second) => {
      const { puts, blocks } = held();
      const both = [
        refusalOf(() => blocks.block("alice", "bob")),
        refusalOf(() => blocks[second ? "block" : "unblock"]("alice", "bob")),
      ];
      for (const { reject } of puts) reject(failure);
      expect(await Promise.all(both)).toEqual(["STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE"]);
      expect(blocks.has("alice", "bob")).toBe(false);
      const third = blocks.block("alice", "bob");
      expect(puts).toHaveLength(3);
      puts[2]?.resolve();
      await third;
      expect(blocks.has("alice", "bob")).toBe(true);
    },
  );
});
