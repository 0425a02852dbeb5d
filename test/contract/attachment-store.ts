import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Attachment } from "../../src/chat/attachments.ts";
import { CommitConflict } from "../../src/chat/chat-writes.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { attachment, batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

/** Of a message, as it is kept: a view of each attachment, of which the store looks at the id. */
function naming(...ids: string[]): Pick<StoredMessage, "attachments"> {
  return { attachments: JSON.stringify(ids.map((id) => ({ id, name: `${id}.png` }))) };
}

/** What every AttachmentStore keeps. `factory` opens an empty storage, which the suite closes. */
export function attachmentStoreContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} is an AttachmentStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
      await storage.chat.commit(batch({ conversations: [conversation()] }));
    });
    afterEach(() => storage.close());

    const found = async (...ids: string[]) => await storage.attachments.byIds(ids);
    const one = async (id: string): Promise<Attachment | undefined> => (await found(id))[0];
    const commit = (...messages: StoredMessage[]) => storage.chat.commit(batch({ messages }));

    test("finds attachments by their ids, every field kept", async () => {
      const picture = attachment("one", { width: 640, height: 480, hasThumbnail: true });
      const text = attachment("two", { name: 'ü "x".txt', type: "text/plain", removeMs: 7 });
      await Promise.all([picture, text].map((each) => storage.attachments.put(each)));
      expect(await one("one")).toEqual(picture);
      expect(await one("two")).toEqual(text);
      const ids = (await found("two", "none", "one", "two")).map(({ id }) => id);
      expect(ids.sort()).toEqual(["one", "two"]);
      expect(await found()).toEqual([]);
    });

    test("counts what the files of a user take, in messages or not", async () => {
      await storage.attachments.put(attachment("one", { size: 10 }));
      await storage.attachments.put(attachment("two", { size: 5 }));
      await storage.attachments.put(attachment("other", { size: 99, uploaderId: "bob" }));
      await commit(message(1, naming("one")));
      expect(await storage.attachments.bytesOf("alice")).toBe(15);
      expect(await storage.attachments.bytesOf("nobody")).toBe(0);
    });

    test("gives those of a user's that are in no message, a page at a time", async () => {
      for (const id of ["d", "b", "sent", "a", "gone", "c"]) {
        await storage.attachments.put(attachment(id));
      }
      await storage.attachments.put(attachment("other", { uploaderId: "bob" }));
      await commit(message(1, naming("sent")));
      await storage.attachments.discard(["gone"]);
      const page = async (after: string | null) =>
        (await storage.attachments.unsentOf("alice", after, 2)).map(({ id }) => id);
      expect(await page(null)).toEqual(["a", "b"]);
      expect(await page("b")).toEqual(["c", "d"]);
      expect(await page("d")).toEqual([]);
      expect(await storage.attachments.unsentOf("alice", "c", 9)).toEqual([attachment("d")]);
      expect(await storage.attachments.unsentOf("nobody", null, 9)).toEqual([]);
    });

    test("keeps what a message says of its attachments, wherever it is read", async () => {
      await storage.attachments.put(attachment("one"));
      const kept = message(1, { ...naming("one"), content: "" });
      await commit(kept, message(2));
      const { chat } = storage;
      const [first, second] = await chat.history({ conversationId: "chat", limit: 9 });
      expect([first?.attachments, second?.attachments]).toEqual([kept.attachments, null]);
      expect((await chat.messageById(kept.id))?.attachments).toBe(kept.attachments);
      await storage.attachments.put(attachment("late"));
      const last = message(3, naming("late"));
      await commit(last);
      const overview = await chat.conversationOf("bob", "chat");
      expect(overview?.lastMessage?.attachments).toBe(last.attachments);
    });

    test("binds attachments to a message in its commit, and then keeps them for good", async () => {
      await storage.attachments.put(attachment("one", { removeMs: EPOCH_MS }));
      await storage.attachments.put(attachment("two", { removeMs: EPOCH_MS }));
      await commit(message(1, naming("one")));
      expect(await one("one")).toMatchObject({ messageId: "chat#1", removeMs: null });
      expect(await one("two")).toMatchObject({ messageId: null, removeMs: EPOCH_MS });
      const due = await storage.attachments.due(EPOCH_MS + 1, 10);
      expect(due.map(({ id }) => id)).toEqual(["two"]);
      await storage.attachments.discard(["one"]);
      expect(await one("one")).toMatchObject({ messageId: "chat#1", removeMs: null });
    });

    test.each([
      ["that is not there", "none"],
      ["of another user", "bobs"],
      ["that is in a message", "bound"],
      ["that has gone", "gone"],
    ])(
      "refuses the message with an attachment %s, and nothing of its batch is kept",
      async (_, id) => {
        await storage.attachments.put(attachment("bobs", { uploaderId: "bob" }));
        for (const each of ["bound", "gone", "free"])
          await storage.attachments.put(attachment(each));
        await storage.attachments.discard(["gone"]);
        await commit(message(1, naming("bound")));
        const refused = commit(message(2, naming("free")), message(3, naming(id)));
        const fault = await refused.catch((error: unknown) => error);
        expect(fault).toBeInstanceOf(CommitConflict);
        expect(fault).toMatchObject({ conflicts: [{ index: 1, first: null }] });
        expect(await one("free")).toMatchObject({ messageId: null });
        await commit(message(2, naming("free")));
        expect(await one("free")).toMatchObject({ messageId: "chat#2" });
      },
    );

    test("refuses the later one of two messages of a batch that name the same", async () => {
      await storage.attachments.put(attachment("one"));
      const refused = commit(message(1, naming("one")), message(2, naming("one")));
      expect(await refused.catch((error: unknown) => error)).toMatchObject({
        conflicts: [{ index: 1, first: null }],
      });
    });

    test("lets them go with a message that is deleted, of which it says nothing any more", async () => {
      for (const id of ["one", "two", "other"]) await storage.attachments.put(attachment(id));
      await commit(message(1, naming("one", "two")), message(2, naming("other")));
      const change = { kind: "delete", messageId: "chat#1", deletedMs: EPOCH_MS } as const;
      await storage.chat.commit(batch({ messageChanges: [change] }));
      expect((await found("one", "two")).map(({ removeMs }) => removeMs)).toEqual([0, 0]);
      expect(await one("other")).toMatchObject({ removeMs: null });
      expect((await storage.chat.messageById("chat#1"))?.attachments).toBeNull();
    });

    test("keeps them when their message is edited", async () => {
      await storage.attachments.put(attachment("one"));
      const kept = message(1, naming("one"));
      await commit(kept);
      const edit = {
        kind: "edit",
        messageId: kept.id,
        content: "anew",
        editedMs: EPOCH_MS,
      } as const;
      await storage.chat.commit(batch({ messageChanges: [edit] }));
      expect(await one("one")).toMatchObject({ removeMs: null });
      expect((await storage.chat.messageById(kept.id))?.attachments).toBe(kept.attachments);
    });

    test("lets them go with messages that retention removes", async () => {
      for (const id of ["one", "two"]) await storage.attachments.put(attachment(id));
      await commit(message(1, naming("one")), message(2, naming("two")));
      const rule = { beforeMs: null, keepLast: 1, after: null, limit: 10 };
      expect(await storage.chat.removeExpired(rule)).toMatchObject({ removed: 1 });
      expect(await one("one")).toMatchObject({ removeMs: 0 });
      expect(await one("two")).toMatchObject({ removeMs: null });
    });

    test("names those whose time has come, the first first, up to a limit", async () => {
      for (const [id, removeMs] of [
        ["late", 30],
        ["soon", 10],
        ["then", 20],
      ] as const) {
        await storage.attachments.put(attachment(id, { removeMs }));
      }
      const due = async (nowMs: number, limit = 10) =>
        (await storage.attachments.due(nowMs, limit)).map(({ id }) => id);
      expect(await due(9)).toEqual([]);
      expect(await due(20)).toEqual(["soon", "then"]);
      expect(await due(99, 2)).toEqual(["soon", "then"]);
      await storage.attachments.discard(["late"]);
      expect(await due(9)).toEqual(["late"]);
      expect(await due(99, 0)).toEqual([]);
    });

    test("forgets those that have gone, and no others", async () => {
      for (const id of ["one", "two"]) await storage.attachments.put(attachment(id));
      await storage.attachments.discard(["one", "none"]);
      await storage.attachments.forget(["one", "two", "none"]);
      expect((await found("one", "two")).map(({ id }) => id)).toEqual(["two"]);
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      const { attachments } = storage;
      for (const write of [
        () => attachments.put(attachment("one")),
        () => attachments.discard(["one"]),
        () => attachments.forget(["one"]),
        () => attachments.byIds(["one"]),
      ]) {
        expect(await refusalOf(write)).toBe("STORAGE_UNAVAILABLE");
      }
    });
  });
}
