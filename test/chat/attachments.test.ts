import { beforeEach, describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { NewMessage } from "../../src/chat/new-message.ts";
import { AppError, toAppError } from "../../src/errors.ts";
import { MemoryAttachmentStore } from "../../src/storage/memory-attachment-store.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, createGroup, type Harness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";
import { attachment } from "../support/stored.ts";

const ALICE = { userId: "alice", name: "Alice" };
const BOB = { userId: "bob", name: "Bob" };
const CAROL = { userId: "carol", name: "Carol" };

let attachments: MemoryAttachmentStore;
let held: HeldStore;
let harness: Harness;

beforeEach(async () => {
  attachments = new MemoryAttachmentStore();
  held = HeldStore.over(new MemoryChatStore(attachments));
  harness = chatHarness(held.store, { attachments });
  const removeMs = harness.clock.now() + 1_000;
  for (const id of ["one", "two"]) await attachments.put(attachment(id, { removeMs }));
  await attachments.put(attachment("bobs", { removeMs, uploaderId: "bob" }));
  await attachments.put(attachment("picture", { removeMs, width: 4, height: 3, size: 12 }));
});

/** Alice's, and what became of it: refused at once or later, or kept. */
function send(message: Partial<NewMessage>): (AppError | null)[] {
  try {
    return harness.send("alice", message);
  } catch (fault) {
    return [toAppError(fault)];
  }
}

const toBob = { recipientId: "bob", conversationId: "c1" };
const codes = (outcomes: readonly ({ code: string } | null)[]) =>
  outcomes.map((outcome) => outcome?.code ?? "kept");
const seen = (actor: typeof ALICE, id: string) =>
  refusalOf(() => harness.chat.attachments.seenBy(actor, id));
const one = (id: string) => attachments.byIds([id])[0];

describe("a message with attachments", () => {
  test("shows them to its recipients, in its sender's order", async () => {
    send({ ...toBob, attachments: ["picture", "one"], content: "" });
    await settled();
    expect(harness.outlet.bodies("message", "bob")).toMatchObject([
      {
        content: "",
        attachments: [
          { id: "picture", name: "picture.png", type: "image/png", size: 12, width: 4, height: 3 },
          { id: "one", hasThumbnail: false },
        ],
      },
    ]);
    expect(one("one")).toMatchObject({ messageId: expect.any(String), removeMs: null });
  });

  test("without any says nothing of them", async () => {
    send(toBob);
    await settled();
    expect(harness.outlet.bodies("message", "bob")[0]).not.toHaveProperty("attachments");
  });

  test.each([
    ["that is not there", "none", "ATTACHMENT_NOT_FOUND"],
    ["of another user", "bobs", "ATTACHMENT_NOT_FOUND"],
    ["whose time is over", "late", "ATTACHMENT_NOT_FOUND"],
    ["that was taken back", "back", "ATTACHMENT_NOT_FOUND"],
    ["that is in a message", "two", "ATTACHMENT_IN_USE"],
  ])("%s is refused, and opens no conversation", async (_, id, code) => {
    const nowMs = harness.clock.now();
    await attachments.put(attachment("late", { removeMs: nowMs }));
    await attachments.put(attachment("back", { removeMs: nowMs + 1 }));
    await harness.chat.attachments.withdraw(ALICE, "back");
    send({ ...toBob, conversationId: "before", attachments: ["two"] });
    await settled();
    const outcomes = send({ ...toBob, attachments: ["one", id] });
    await settled();
    expect(codes(outcomes)).toEqual([code]);
    expect(harness.chat.conversations.peek("c1")).toBeUndefined();
    expect(harness.outlet.bodies("message", "bob")).toHaveLength(1);
    const free = send({ ...toBob, attachments: ["one"] });
    await settled();
    expect(codes(free)).toEqual(["kept"]);
  });

  test("that is sent again is the first one, though its attachments are taken by then", async () => {
    const message = { ...toBob, clientMessageId: "m1", attachments: ["one"] };
    held.isHolding = true;
    const outcomes = [send(message), send(message)];
    await held.release();
    outcomes.push(send(message));
    await settled();
    expect(outcomes.map(codes)).toEqual([["kept"], ["kept"], ["kept"]]);
    expect(harness.outlet.bodies("message", "bob")).toHaveLength(1);
  });
});

describe("an edit", () => {
  const edit = (content: string) => {
    const { messageId } = harness.outlet.bodies("confirmation", "alice")[0] ?? {};
    return harness.chat.messageChanges.edit(ALICE, String(messageId), content);
  };

  test("may take the text away that stands beside attachments, and them it leaves", async () => {
    send({ ...toBob, attachments: ["one"], content: "a note" });
    await settled();
    await edit("");
    expect(harness.outlet.bodies("message", "bob").at(-1)).toMatchObject({
      ...{ type: "MESSAGE_EDITED", event: { content: "" } },
    });
    const [message] = await held.store.history({ conversationId: "c1", limit: 1, beforeSeq: 2 });
    expect(message).toMatchObject({ content: "", attachments: expect.stringContaining("one") });
    await edit("another");
    const versions = await held.store.versions(message?.id ?? "");
    expect(versions.map(({ content }) => content)).toEqual(["a note", ""]);
  });

  test("leaves no message with nothing in it", async () => {
    send({ ...toBob, content: "a note" });
    await settled();
    expect(await refusalOf(() => edit(""))).toBe("VALIDATION_FAILED");
    const messages = await held.store.history({ conversationId: "c1", limit: 9 });
    expect(messages.map(({ content }) => content)).toEqual(["a note"]);
  });
});

describe("while a message is on its way to disk", () => {
  beforeEach(() => {
    held.isHolding = true;
    send({ ...toBob, attachments: ["one"] });
  });

  test("no other message can have its attachments, until it fails", async () => {
    expect(codes(send({ ...toBob, attachments: ["one"] }))).toEqual(["ATTACHMENT_IN_USE"]);
    held.isFailing = true;
    await held.release();
    held.isFailing = false;
    held.isHolding = false;
    const again = send({ ...toBob, attachments: ["one"] });
    harness.clock.advance(10_000);
    await settled();
    expect(codes(again)).toEqual(["kept"]);
  });

  test("who is shown it may have them at once, and nobody else", async () => {
    expect(one("one")).toMatchObject({ messageId: null });
    expect(await seen(BOB, "one")).toBe("not refused");
    expect(await seen(CAROL, "one")).toBe("ATTACHMENT_NOT_FOUND");
  });

  test("they are not discarded, nor taken back", async () => {
    await harness.chat.attachments.discard(["one", "two"]);
    expect([one("one")?.removeMs, one("two")?.removeMs]).toEqual([expect.any(Number), 0]);
    expect(one("one")?.removeMs).toBeGreaterThan(0);
    const withdrawn = () => harness.chat.attachments.withdraw(ALICE, "one");
    expect(await refusalOf(withdrawn)).toBe("ATTACHMENT_IN_USE");
    expect(harness.chat.attachments.underWayCount).toBe(1);
    await held.release();
    expect(one("one")).toMatchObject({ messageId: expect.any(String), removeMs: null });
    expect(harness.chat.attachments.underWayCount).toBe(0);
  });
});

test("one that is being discarded can be in no message, unless the store fails to", async () => {
  const written = Promise.withResolvers<void>();
  attachments.discard = () => written.promise;
  const discarded = harness.chat.attachments.discard(["one"]);
  expect(codes(send({ ...toBob, attachments: ["one"] }))).toEqual(["ATTACHMENT_NOT_FOUND"]);
  written.reject(new AppError("STORAGE_UNAVAILABLE", "the disk is full"));
  expect(await refusalOf(() => discarded)).toBe("STORAGE_UNAVAILABLE");
  const outcomes = send({ ...toBob, attachments: ["one"] });
  await settled();
  expect(codes(outcomes)).toEqual(["kept"]);
});

describe("who may have an attachment", () => {
  test("is its uploader alone, and the back end, before it is sent", async () => {
    expect(await seen(ALICE, "one")).toBe("not refused");
    expect(await seen(SYSTEM, "one")).toBe("not refused");
    expect(await seen(BOB, "one")).toBe("ATTACHMENT_NOT_FOUND");
    expect(await seen(ALICE, "none")).toBe("ATTACHMENT_NOT_FOUND");
  });

  test("are the members who may see its message, and its uploader no longer than they", async () => {
    const { chat } = harness;
    await createGroup(chat, "team", ["alice", "bob", "dave"]);
    send({ conversationId: "team", attachments: ["one"] });
    await settled();
    await chat.membership.add(SYSTEM, "team", "carol");
    for (const [actor, outcome] of [
      [ALICE, "not refused"],
      [BOB, "not refused"],
      [CAROL, "ATTACHMENT_NOT_FOUND"],
      [SYSTEM, "not refused"],
    ] as const) {
      expect([actor.userId, await seen(actor, "one")]).toEqual([actor.userId, outcome]);
    }
    await chat.membership.remove(SYSTEM, "team", "alice");
    expect(await seen(ALICE, "one")).toBe("ATTACHMENT_NOT_FOUND");
  });

  test("is nobody once its message is deleted", async () => {
    send({ ...toBob, attachments: ["one"] });
    await settled();
    await harness.chat.messageChanges.delete(ALICE, one("one")?.messageId ?? "");
    for (const actor of [ALICE, BOB, SYSTEM]) {
      expect(await seen(actor, "one")).toBe("ATTACHMENT_NOT_FOUND");
    }
    const [message] = await held.store.history({ conversationId: "c1", limit: 1 });
    expect(message?.attachments).toBeNull();
  });

  test("is nobody once its message has disappeared, though the disk does not know yet", async () => {
    send({ ...toBob, attachments: ["one"], disappearAfterSeconds: 10 });
    await settled();
    const { chat, clock } = harness;
    const expiresMs = clock.now() + 10_000;
    expect(await chat.attachments.there("one")).toMatchObject({ expiresMs });
    expect(await chat.attachments.seenBy(BOB, "one")).toMatchObject({ expiresMs });
    await chat.disappearance.stop();
    clock.advance(9_999);
    expect(await refusalOf(() => chat.attachments.there("one"))).toBe("not refused");
    clock.advance(1);
    expect(one("one")).toMatchObject({ removeMs: null });
    expect(await refusalOf(() => chat.attachments.there("one"))).toBe("ATTACHMENT_NOT_FOUND");
    for (const actor of [ALICE, BOB, SYSTEM]) {
      expect(await seen(actor, "one")).toBe("ATTACHMENT_NOT_FOUND");
    }
  });

  test("is nobody once its message has disappeared that never came to the disk", async () => {
    held.isHolding = true;
    send({ ...toBob, attachments: ["one"], disappearAfterSeconds: 10 });
    expect(await seen(BOB, "one")).toBe("not refused");
    harness.clock.advance(10_000);
    for (const actor of [ALICE, BOB, SYSTEM]) {
      expect(await seen(actor, "one")).toBe("ATTACHMENT_NOT_FOUND");
    }
    const there = () => harness.chat.attachments.there("one");
    expect(await refusalOf(there)).toBe("ATTACHMENT_NOT_FOUND");
  });

  test("is nobody once no message has come for it in its time, before it is removed", async () => {
    harness.clock.advance(1_000);
    expect(one("one")?.removeMs).not.toBe(0);
    for (const actor of [ALICE, SYSTEM]) {
      expect(await seen(actor, "one")).toBe("ATTACHMENT_NOT_FOUND");
    }
  });
});
