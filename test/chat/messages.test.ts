import { describe, expect, test } from "bun:test";
import type { ChatOptions } from "../../src/chat/chat.ts";
import type { NewMessage } from "../../src/chat/new-message.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { DeferredStore } from "../support/deferred-store.ts";
import { HeldStore, settled } from "../support/held-store.ts";

const toBob = { conversationId: "c1", recipientId: "bob" };

function setUp(options: Partial<ChatOptions> = {}) {
  const held = HeldStore.inMemory();
  return { held, ...chatHarness(held.store, options) };
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return "none";
}

describe("the first message", () => {
  test("opens a direct conversation of the two", async () => {
    const { send, outlet, held } = setUp();
    send("alice", toBob);
    await settled();
    const stored = await held.inner.conversation("c1");
    expect(stored?.kind).toBe("direct");
    expect(stored?.members.map((member) => member.userId)).toEqual(["alice", "bob"]);
    expect(outlet.bodies("message", "bob")).toMatchObject([
      { conversationId: "c1", seq: 1, senderId: "alice", recipientId: "bob", content: "hello" },
    ]);
  });

  test("needs a recipient, and not oneself", () => {
    const { send } = setUp();
    expect(codeOf(() => send("alice", { conversationId: "c1" }))).toBe("CONVERSATION_NOT_FOUND");
    expect(codeOf(() => send("alice", { ...toBob, recipientId: "alice" }))).toBe(
      "VALIDATION_FAILED",
    );
  });

  test("is refused where direct conversations are not opened by messages", () => {
    const { send } = setUp({ openDirect: false });
    expect(codeOf(() => send("alice", toBob))).toBe("CONVERSATION_NOT_FOUND");
  });
});

describe("membership", () => {
  test("a stranger is told the same of a foreign conversation as of a missing one", async () => {
    const { send } = setUp();
    send("alice", toBob);
    await settled();
    const codes = (conversationId: string) => [
      codeOf(() => send("mallory", { conversationId })),
      codeOf(() => send("mallory", { conversationId, recipientId: "mallory" })),
    ];
    expect(codes("c1")).toEqual(codes("missing"));
    // With somebody else, a missing one would be opened.
    expect(codeOf(() => send("mallory", toBob))).toBe("CONVERSATION_NOT_FOUND");
  });

  test("the recipient must be a member of a conversation that exists", async () => {
    const { send } = setUp();
    send("alice", toBob);
    await settled();
    expect(codeOf(() => send("alice", { ...toBob, recipientId: "carol" }))).toBe(
      "VALIDATION_FAILED",
    );
  });

  test("both members may answer without naming the recipient", async () => {
    const { send, outlet } = setUp();
    send("alice", toBob);
    send("bob", { conversationId: "c1", content: "hi" });
    await settled();
    const own = { senderId: "alice", seq: 1 }; // The copy for her other connections.
    const answer = { senderId: "bob", seq: 2, recipientId: "alice" };
    expect(outlet.bodies("message", "alice")).toMatchObject([own, answer]);
  });
});

describe("SENT", () => {
  test("follows the commit, and the recipient does not wait for it", async () => {
    const { send, outlet, held } = setUp();
    held.isHolding = true;
    const outcomes = send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
    expect(outlet.bodies("confirmation", "alice")).toEqual([]);
    expect(outcomes).toEqual([]);
    await held.release();
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([
      { status: "SENT", clientMessageId: "m1", seq: 1, conversationId: "c1", recipientId: "bob" },
    ]);
    expect(outcomes).toEqual([null]);
  });

  test("durable delivery holds the recipient's copy back as well", async () => {
    const { send, outlet, held } = setUp({ delivery: "durable" });
    held.isHolding = true;
    send("alice", toBob);
    await settled();
    expect(outlet.bodies("message", "bob")).toEqual([]);
    await held.release();
    expect(outlet.told.map((told) => told.kind).slice(-3)).toEqual([
      "message",
      "message",
      "confirmation",
    ]);
  });

  test("what comes while a commit is under way is one batch, in order", async () => {
    const { send, held } = setUp();
    held.isHolding = true;
    for (let n = 1; n <= 5; n += 1) send("alice", { ...toBob, content: `${n}` });
    await held.release();
    expect(held.batches.map((batch) => batch.messages.map((message) => message.content))).toEqual([
      ["1"],
      ["2", "3", "4", "5"],
    ]);
    expect(held.batches[1]?.messages.map((message) => message.seq)).toEqual([2, 3, 4, 5]);
  });
});

describe("sending again", () => {
  test("is answered with the first one's id and seq, and delivered once", async () => {
    const { send, outlet } = setUp();
    send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    const again = send("alice", { ...toBob, clientMessageId: "m1", content: "changed" });
    await settled();
    const [first, second] = outlet.bodies("confirmation", "alice");
    expect(second).toMatchObject({ messageId: first?.messageId, seq: 1, status: "SENT" });
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
    expect(again).toEqual([null]);
  });

  test("holds after a restart", async () => {
    const { send, held } = setUp();
    send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    const restarted = chatHarness(held.store);
    restarted.send("alice", { ...toBob, clientMessageId: "m1" });
    restarted.send("alice", { ...toBob, clientMessageId: "m2" });
    await settled();
    expect(restarted.outlet.bodies("message", "bob")).toMatchObject([{ seq: 2 }]);
    expect(restarted.outlet.bodies("confirmation", "alice")).toMatchObject([
      { seq: 1, clientMessageId: "m1" },
      { seq: 2, clientMessageId: "m2" },
    ]);
  });

  test("before the first is on disk waits for the same commit", async () => {
    const { send, outlet, held } = setUp();
    held.isHolding = true;
    send("alice", { ...toBob, clientMessageId: "m1" });
    const again = send("alice", { ...toBob, clientMessageId: "m1" });
    expect(again).toEqual([]);
    await held.release();
    expect(again).toEqual([null]);
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
    expect(outlet.bodies("confirmation", "alice")).toHaveLength(1);
  });

  test("that comes at once with the first is the same message, over a store that answers late", async () => {
    const { send, outlet } = chatHarness(new DeferredStore(new MemoryChatStore()));
    const sent = [1, 2, 3].map(() => send("alice", { ...toBob, clientMessageId: "m1" }));
    send("alice", { ...toBob, clientMessageId: "m2" });
    await settled();
    expect(sent).toEqual([[null], [null], [null]]);
    expect(outlet.bodies("message", "bob")).toMatchObject([
      { seq: 1, clientMessageId: "m1" },
      { seq: 2, clientMessageId: "m2" },
    ]);
  });

  test("that the store does not answer is the first one all the same, where that is on its way", async () => {
    const store = new DeferredStore(new MemoryChatStore());
    const lookups: PromiseWithResolvers<null>[] = [];
    store.messageByClientId = () => {
      const lookup = Promise.withResolvers<null>();
      lookups.push(lookup);
      return lookup.promise;
    };
    const { chat, outlet } = chatHarness(store);
    const told: (string | null)[] = [];
    const input: NewMessage = {
      ...{ ...toBob, clientMessageId: "m1", type: "TEXT", content: "hello", replyTo: null },
      ...{ attachments: null, mentions: null, disappearAfterSeconds: null },
    };
    const sends = [1, 2].map(async () => {
      await chat.messages.send({ userId: "alice", name: "alice" }, input, null, (error) =>
        told.push(error?.code ?? null),
      );
    });
    lookups[0]?.resolve(null);
    await sends[0];
    lookups[1]?.reject(new AppError("STORAGE_UNAVAILABLE", "the store cannot be read"));
    await Promise.all(sends);
    await settled();
    expect(told).toEqual([null, null]);
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
  });

  test("tells what became of the first one meanwhile", async () => {
    const { chat, send, outlet } = setUp();
    send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    const id = String(outlet.bodies("message", "bob")[0]?.id);
    chat.receipts.read("bob", id, null);
    await settled();
    outlet.told.length = 0;
    send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    expect(outlet.bodies("confirmation", "alice").map((body) => body.status)).toEqual([
      "SENT",
      "DELIVERED",
    ]);
    expect(outlet.bodies("receipt", "alice")).toMatchObject([{ readerId: "bob", status: "READ" }]);
  });

  test("two senders may use the same clientMessageId", async () => {
    const { send, outlet } = setUp();
    send("alice", { ...toBob, clientMessageId: "m1" });
    send("bob", { conversationId: "c1", clientMessageId: "m1" });
    await settled();
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([{ seq: 1 }]);
    expect(outlet.bodies("confirmation", "bob")).toMatchObject([{ seq: 2 }]);
  });
});

describe("when the store fails", () => {
  test("nothing is confirmed, the sender is told, and the seq is used anew", async () => {
    const { send, outlet, held } = setUp();
    send("alice", toBob);
    await settled();
    held.isFailing = true;
    const refused = send("alice", { ...toBob, clientMessageId: "m2" });
    await settled();
    expect(refused).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
    expect(outlet.bodies("confirmation", "alice")).toHaveLength(1);
    held.isFailing = false;
    send("alice", { ...toBob, clientMessageId: "m2" });
    await settled();
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([
      { seq: 1 },
      { seq: 2, clientMessageId: "m2" },
    ]);
  });

  test("what waited behind the failed batch is refused with it", async () => {
    const { send, outlet, held } = setUp();
    held.isHolding = true;
    held.isFailing = true;
    const first = send("alice", toBob);
    const second = send("alice", toBob);
    await held.release();
    expect([first, second]).toMatchObject([
      [{ code: "STORAGE_UNAVAILABLE" }],
      [{ code: "STORAGE_UNAVAILABLE" }],
    ]);
    expect(await held.inner.conversation("c1")).toBeNull();
    // Whoever was let into its typing topic is put out again.
    expect(outlet.of("left").map(({ to }) => to)).toEqual(["alice", "bob"]);
  });

  test("recipients see nothing more until a commit succeeds", async () => {
    const { send, outlet, held } = setUp();
    held.isFailing = true;
    send("alice", toBob);
    await settled();
    expect(outlet.bodies("message", "bob")).toHaveLength(1); // Shown, never confirmed: DESIGN §3.1.
    send("alice", toBob);
    await settled();
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
    held.isFailing = false;
    send("alice", toBob);
    await settled();
    expect(outlet.bodies("message", "bob")).toHaveLength(2);
  });

  test("an acknowledgement of a refused message does not count for the one that takes its seq", async () => {
    const { chat, send, outlet, held } = setUp();
    send("alice", toBob);
    await settled();
    held.isFailing = true;
    held.isHolding = true;
    send("alice", { ...toBob, content: "lost" });
    const lost = [...chat.journal.uncommitted()][0];
    await held.release();
    held.isFailing = false;
    held.isHolding = false;
    send("alice", { ...toBob, content: "kept" });
    await settled();
    if (lost === undefined) throw new Error("nothing was uncommitted");
    chat.receipts.delivered("bob", lost);
    await settled();
    const delivered = outlet
      .bodies("confirmation", "alice")
      .filter((body) => body.status === "DELIVERED");
    expect(delivered).toEqual([]);
    expect(await held.inner.backlog("bob")).toMatchObject([{ deliveredSeq: 0 }]);
  });

  test("what was held back is shown before what comes after it", async () => {
    const { held, send, outlet } = setUp();
    held.isFailing = true;
    send("alice", { ...toBob, content: "lost" });
    await settled();
    held.isFailing = false;
    held.isHolding = true;
    send("alice", { ...toBob, content: "1" });
    send("alice", { ...toBob, content: "2" });
    await held.release(); // The store works again, and the second is on its way.
    send("alice", { ...toBob, content: "3" });
    while (held.isCommitting) await held.release();
    send("alice", { ...toBob, content: "4" });
    const shown = outlet.bodies("message", "bob").map(({ content, seq }) => `${content} ${seq}`);
    expect(shown).toEqual(["lost 1", "1 1", "2 2", "3 3", "4 4"]);
    while (held.isCommitting) await held.release();
  });

  test("more uncommitted messages than allowed are refused at once", async () => {
    const { send, held } = setUp({ uncommittedMessages: 2 });
    held.isHolding = true;
    send("alice", toBob);
    send("alice", toBob);
    expect(codeOf(() => send("alice", toBob))).toBe("STORAGE_UNAVAILABLE");
    await held.release();
    expect(codeOf(() => send("alice", toBob))).toBe("none");
  });

  test("more bytes of them than allowed are refused at once", async () => {
    const { send, held } = setUp({ uncommittedBytes: 1_000 });
    held.isHolding = true;
    for (const content of ["x".repeat(400), "x".repeat(600)]) send("alice", { ...toBob, content });
    expect(codeOf(() => send("alice", toBob))).toBe("STORAGE_UNAVAILABLE");
    await held.release();
    expect(codeOf(() => send("alice", toBob))).toBe("none");
  });
});

describe("limits and echo", () => {
  test("a user who sends too fast is refused until tokens have come back", async () => {
    const { send, clock } = setUp({ messagesPerSecond: 10, messagesBurst: 3 });
    for (let n = 0; n < 3; n += 1) send("alice", toBob);
    expect(codeOf(() => send("alice", toBob))).toBe("RATE_LIMITED");
    expect(codeOf(() => send("bob", { conversationId: "c1" }))).toBe("none");
    clock.advance(100);
    expect(codeOf(() => send("alice", toBob))).toBe("none");
    expect(codeOf(() => send("alice", toBob))).toBe("RATE_LIMITED");
  });

  test.each([
    ["others", 1, true],
    ["all", 1, false],
    ["none", 0, false],
  ] as const)("echo %s", (echo, copies, isExcepted) => {
    const { send, outlet } = setUp({ echo });
    const origin = {};
    send("alice", toBob, origin);
    const own = outlet.of("message").filter((told) => told.to === "alice");
    expect(own).toHaveLength(copies);
    if (copies > 0) expect(own[0]?.except === origin).toBe(isExcepted);
  });
});
