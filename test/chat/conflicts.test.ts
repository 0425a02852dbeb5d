import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { ChatOptions } from "../../src/chat/chat.ts";
import type { NewMessage } from "../../src/chat/new-message.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { deferred } from "../support/deferred-store.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { batch, message } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
let opened = 0;
const openSqlite = () => openSqliteStorage({ path: folder.file(`${opened++}.db`) });

afterAll(() => folder[Symbol.dispose]());

const storages: Record<string, () => Promise<Storage>> = {
  "the memory store": async () => memoryStorage(),
  "the SQLite store": openSqlite,
  "the SQLite store by promises": async () => deferred(await openSqlite()),
};

/** In `c1`, where one message is; the store got it from somebody else, after chat had looked. */
const foreign = (seq: number, fields: Partial<StoredMessage>) =>
  batch({ messages: [message(seq, { conversationId: "c1", id: "foreign", ...fields })] });

describe.each(Object.entries(storages))("over %s", (_name, open) => {
  let storage: Storage;

  afterEach(() => storage.close());

  /** Alice and bob have one message in `c1`, carol and dave one in `c2`; the next commit is held. */
  async function setUp(options: Partial<ChatOptions> = {}) {
    storage = await open();
    const held = HeldStore.over<ChatStore>(storage.chat);
    const harness = chatHarness(held.store, options);
    const { chat } = harness;
    /** Resolves with the code of the error, or `SENT`. */
    const send = (from: string, to: string, conversationId: string, clientMessageId: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const input: NewMessage = {
        ...{ conversationId, recipientId: to, clientMessageId },
        ...{ type: "TEXT", content: clientMessageId, replyTo: null },
        ...{ attachments: null, mentions: null, disappearAfterSeconds: null },
      };
      const sender = { userId: from, name: from };
      const taken = chat.messages.send(sender, input, null, (error) =>
        resolve(error?.code ?? "SENT"),
      );
      if (taken instanceof Promise) taken.catch(reject);
      return promise;
    };
    expect(await send("alice", "bob", "c1", "a1")).toBe("SENT");
    expect(await send("carol", "dave", "c2", "c1")).toBe("SENT");
    held.isHolding = true;
    const filler = send("carol", "dave", "c2", "filler");
    await settled();
    /** Commits what was held, and all that follows. */
    const goOn = async () => {
      held.isHolding = false;
      while (held.isCommitting) await held.release();
      expect(await filler).toBe("SENT");
      await chat.journal.drained();
    };
    const seqs = async (conversationId: string) =>
      (await held.store.history({ conversationId, limit: 100 })).map(
        ({ seq, content }) => `${seq} ${content}`,
      );
    return { ...harness, held, send, goOn, seqs };
  }

  test("a message that was sent before is confirmed as the first one, and others are committed", async () => {
    const { held, send, goOn, seqs, outlet, chat, storeChanges } = await setUp();
    const repeat = send("alice", "bob", "c1", "a2");
    const innocent = send("dave", "carol", "c2", "d1");
    const opening = send("erin", "frank", "c3", "e1");
    await settled();
    await held.inner.commit(foreign(2, { clientMessageId: "a2", content: "first" }));
    outlet.told.length = 0;
    await goOn();

    expect(await repeat).toBe("SENT");
    expect(await innocent).toBe("SENT");
    expect(await opening).toBe("SENT");
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([
      { messageId: "foreign", seq: 2, clientMessageId: "a2", status: "SENT" },
    ]);
    expect(await seqs("c1")).toEqual(["1 a1", "2 first"]);
    expect(await seqs("c2")).toEqual(["1 c1", "2 filler", "3 d1"]);
    expect(await seqs("c3")).toEqual(["1 e1"]);
    expect(outlet.of("left")).toEqual([]);
    expect(chat.journal.isFailing).toBe(false);
    expect(storeChanges).toEqual([]);

    expect(await send("bob", "alice", "c1", "b1")).toBe("SENT");
    expect(await seqs("c1")).toEqual(["1 a1", "2 first", "3 b1"]);
  });

  test("a message whose seq is taken is refused with those behind it, and goes through when it is sent again", async () => {
    const { held, send, goOn, seqs, outlet, faults } = await setUp();
    const inBatch = [send("alice", "bob", "c1", "a2"), send("bob", "alice", "c1", "b1")];
    await settled();
    await held.release(); // The batch with these two is the one in flight now.
    const behind = [send("alice", "bob", "c1", "a3"), send("dave", "carol", "c2", "d1")];
    await settled();
    await held.inner.commit(foreign(2, { senderId: "bob", content: "foreign" }));
    await goOn();

    expect(await Promise.all(inBatch)).toEqual(["STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE"]);
    expect(await Promise.all(behind)).toEqual(["STORAGE_UNAVAILABLE", "SENT"]);
    expect(await send("alice", "bob", "c1", "a2")).toBe("SENT");
    expect(await send("bob", "alice", "c1", "b1")).toBe("SENT");
    expect(await seqs("c1")).toEqual(["1 a1", "2 foreign", "3 a2", "4 b1"]);
    expect(await seqs("c2")).toEqual(["1 c1", "2 filler", "3 d1"]);
    const confirmed = outlet.bodies("confirmation", "alice").map(({ seq }) => seq);
    expect(confirmed).toEqual([1, 3]);
    expect(faults).toEqual([]);
  });

  test("what was read of a refused message does not count for the one that has its seq", async () => {
    const { held, send, goOn, chat, outlet } = await setUp();
    const clash = send("alice", "bob", "c1", "a2");
    await settled();
    const shown = outlet.bodies("message", "bob").at(-1);
    await chat.receipts.read("bob", String(shown?.id), null);
    await settled();
    await held.inner.commit(foreign(2, { senderId: "alice" }));
    await goOn();
    expect(await clash).toBe("STORAGE_UNAVAILABLE");
    const told = outlet.told.filter(({ body }) => body.messageId === shown?.id);
    expect(told).toEqual([]);
    const bob = (await held.store.conversation("c1"))?.members[1];
    expect(bob).toEqual({
      userId: "bob",
      joinedSeq: 0,
      deliveredSeq: 1,
      readSeq: 1,
      role: "member",
    });
  });

  test("a message whose id is taken is refused, and gets another when it is sent again", async () => {
    const ids = ["i1", "i2", "i3", "i1"];
    const newId = () => ids.shift() ?? Bun.randomUUIDv7();
    const { send, goOn, seqs } = await setUp({ newId });
    const clash = send("alice", "bob", "c1", "a2");
    const innocent = send("dave", "carol", "c2", "d1");
    await settled();
    await goOn();
    expect(await clash).toBe("STORAGE_UNAVAILABLE");
    expect(await innocent).toBe("SENT");
    expect(await send("alice", "bob", "c1", "a2")).toBe("SENT");
    expect(await seqs("c1")).toEqual(["1 a1", "2 a2"]);
  });

  test("a conversation's first message that is refused leaves no conversation, and others open theirs", async () => {
    const ids = ["i1", "i2", "i3", "i1"];
    const newId = () => ids.shift() ?? Bun.randomUUIDv7();
    const { held, send, goOn, outlet } = await setUp({ newId });
    const clash = send("erin", "frank", "c3", "e1");
    const innocent = send("gina", "hugo", "c4", "g1");
    await settled();
    await goOn();
    expect(await clash).toBe("STORAGE_UNAVAILABLE");
    expect(await innocent).toBe("SENT");
    expect(await held.store.conversation("c3")).toBeNull();
    expect(outlet.of("left").map(({ to }) => to)).toEqual(["erin", "frank"]);
    const [gina] = (await held.store.conversation("c4"))?.members ?? [];
    expect(gina).toEqual({
      userId: "gina",
      joinedSeq: 0,
      deliveredSeq: 1,
      readSeq: 1,
      role: "member",
    });
    expect(await send("erin", "frank", "c3", "e1")).toBe("SENT");
  });

  test("who sends at the moment of a refusal comes behind what is committed again", async () => {
    const { held, send, goOn, seqs, chat } = await setUp();
    const input = {
      ...{ recipientId: null, type: "TEXT", replyTo: null },
      ...{ attachments: null, mentions: null, disappearAfterSeconds: null },
    };
    const answers: string[] = [];
    const alice = { userId: "alice", name: "alice" };
    const message = { ...input, conversationId: "c1", clientMessageId: "a2", content: "a2" };
    await chat.messages.send(alice, message, null, (error) => {
      answers.push(error?.code ?? "SENT");
      const next = { ...input, conversationId: "c2", clientMessageId: "c9", content: "c9" };
      chat.messages.send({ userId: "carol", name: "carol" }, next, null, () => {});
    });
    const innocent = send("dave", "carol", "c2", "d1");
    await settled();
    await held.inner.commit(foreign(2, { senderId: "bob" }));
    await goOn();
    expect(answers).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(await innocent).toBe("SENT");
    await settled();
    await chat.journal.drained();
    expect(await seqs("c2")).toEqual(["1 c1", "2 filler", "3 d1", "4 c9"]);
    const committed = held.batches.flatMap(({ messages }) =>
      messages.map(({ content }) => content),
    );
    expect(committed.slice(-2)).toEqual(["d1", "c9"]);
  });

  test("watermarks and last seen times of a batch that conflicts are written all the same", async () => {
    const { held, send, goOn, chat, outlet } = await setUp();
    const [toBob, toDave] = [outlet.watched[0], outlet.watched[1]];
    if (toBob === undefined || toDave === undefined) throw new Error("nobody is watched");
    const clash = send("alice", "bob", "c1", "a2");
    await chat.receipts.delivered("bob", toBob.message);
    await chat.receipts.delivered("dave", toDave.message);
    chat.journal.addUser({ userId: "bob", name: "Bob", lastSeenMs: 5 });
    await settled();
    await held.inner.commit(foreign(2, { senderId: "bob" }));
    await goOn();
    expect(await clash).toBe("STORAGE_UNAVAILABLE");
    const delivered = { status: "DELIVERED", seq: 1 };
    expect(outlet.bodies("confirmation", "alice").at(-1)).toMatchObject(delivered);
    expect(outlet.bodies("confirmation", "carol")).toContainEqual(
      expect.objectContaining({ ...delivered, conversationId: "c2" }),
    );
    const stored = await held.store.conversation("c1");
    expect(stored?.members[1]).toMatchObject({ userId: "bob", joinedSeq: 0, deliveredSeq: 1 });
    expect(await held.store.users(["bob"])).toEqual([
      { userId: "bob", name: "Bob", lastSeenMs: 5 },
    ]);
  });
});
