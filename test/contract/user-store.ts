import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { MOST_LOOKED_AT, SURELY_SHARED } from "../../src/chat/user-ports.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

/** What every UserStore and UserDataStore keeps. `factory` opens an empty storage, which the suite closes. */
export function userStoreContract(name: string, factory: () => Storage | Promise<Storage>): void {
  describe(`${name} is a UserStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
    });
    afterEach(() => storage.close());

    const seen = (userId: string, userName: string, lastSeenMs = EPOCH_MS) =>
      storage.chat.commit(batch({ users: [{ userId, name: userName, lastSeenMs }] }));

    test("knows who was there, and whom somebody gave a profile, and nobody else", async () => {
      await seen("alice", "Alice");
      await storage.users.putProfile("bob", { name: "Bob", picture: "https://pics.example/b" });
      const known = await storage.users.known(["bob", "alice", "carol", "alice"]);
      expect(known.toSorted((a, b) => (a.userId < b.userId ? -1 : 1))).toEqual([
        {
          ...{ userId: "alice", name: null, picture: null },
          ...{ authenticatedName: "Alice", lastSeenMs: EPOCH_MS },
        },
        {
          ...{ userId: "bob", name: "Bob", picture: "https://pics.example/b" },
          ...{ authenticatedName: null, lastSeenMs: null },
        },
      ]);
    });

    test("changes of a profile what is named, whatever is seen of the user before and after", async () => {
      await storage.users.putProfile("alice", { name: "Ally", picture: "https://pics.example/a" });
      await seen("alice", "Alice");
      await storage.users.putProfile("alice", { picture: null });
      expect(await storage.users.known(["alice"])).toEqual([
        {
          ...{ userId: "alice", name: "Ally", picture: null },
          ...{ authenticatedName: "Alice", lastSeenMs: EPOCH_MS },
        },
      ]);
      expect(await storage.users.nameOf("alice")).toBe("Ally");
      await storage.users.putProfile("alice", { name: null });
      expect(await storage.users.nameOf("alice")).toBeNull();
      expect(await storage.users.nameOf("nobody")).toBeNull();
    });

    test("a name that is set goes before the authenticated one where presence is shown", async () => {
      await storage.users.putProfile("alice", { name: "Ally" });
      expect(await storage.chat.users(["alice"])).toEqual([]); // Never there.
      await seen("alice", "Alice");
      const lastSeen = { userId: "alice", lastSeenMs: EPOCH_MS };
      expect(await storage.chat.users(["alice"])).toEqual([{ ...lastSeen, name: "Ally" }]);
      await storage.users.putProfile("alice", { name: null });
      expect(await storage.chat.users(["alice"])).toEqual([{ ...lastSeen, name: "Alice" }]);
    });

    test("lists all by id, a page at a time", async () => {
      for (const userId of ["dora", "bob", "carol"]) await seen(userId, userId);
      await storage.users.putProfile("alice", {});
      const page = async (after: string | null) =>
        (await storage.users.list(after, 2)).map(({ userId }) => userId);
      expect(await page(null)).toEqual(["alice", "bob"]);
      expect(await page("bob")).toEqual(["carol", "dora"]);
      expect(await page("dora")).toEqual([]);
    });

    test("says who of some shares a conversation with a user", async () => {
      const conversations = [
        conversation("a", ["alice", "bob"]),
        conversation("b", ["bob", "eve"]),
      ];
      await storage.chat.commit(batch({ conversations }));
      const sharing = await storage.users.sharing("alice", ["bob", "eve", "nobody"]);
      expect(sharing).toEqual(["bob"]);
      expect(await storage.users.sharing("nobody", ["alice"])).toEqual([]);
    });

    test("finds what two share, of whom one is in few conversations, or both in many", async () => {
      const many = (userId: string, count: number) =>
        Array.from({ length: count }, (_, at) => conversation(`${userId} ${at}`, [userId, "x"]));
      // The last one of each, in whatever order.
      const shared = [
        ...[conversation("zz few", ["alice", "few"]), conversation("zz", ["alice", "bob"])],
        conversation("zz carol", ["few", "carol"]),
      ];
      const count = SURELY_SHARED + 50;
      const conversations = [
        ...[...many("alice", count), ...many("bob", count), ...many("eve", count)],
        ...[...many("carol", count), ...shared],
      ];
      await storage.chat.commit(batch({ conversations }));
      const asked = ["bob", "eve", "few", "carol"];
      const found = async (userId: string) =>
        (await storage.users.sharing(userId, asked)).toSorted();
      expect(await found("alice")).toEqual(["bob", "few"]);
      expect(await found("few")).toEqual(["carol", "few"]);
    });

    test("goes through some of their conversations alone, where many are asked for", async () => {
      const count = MOST_LOOKED_AT / 32 + 1;
      const busy = Array.from({ length: 33 }, (_, at) => `busy-${at}`);
      const everybody = ["alice", ...busy];
      const conversations = everybody.flatMap((userId) =>
        Array.from({ length: count }, (_, at) => conversation(`${userId} ${at}`, [userId, "x"])),
      );
      const last = conversation("zz", ["alice", "busy-0"]);
      for (let at = 0; at < conversations.length; at += 500) {
        await storage.chat.commit(batch({ conversations: conversations.slice(at, at + 500) }));
      }
      await storage.chat.commit(batch({ conversations: [last] }));
      expect(await storage.users.sharing("alice", busy)).toEqual([]);
      expect(await storage.users.sharing("alice", busy.slice(0, 16))).toEqual(["busy-0"]);
    });

    test("gives a user's memberships, with all that is kept of each, a page at a time", async () => {
      const group = { ...conversation("b", ["alice", "bob", "carol"]), title: "Team" };
      await storage.chat.commit(
        batch({
          conversations: [conversation("c"), group, conversation("a", ["bob", "eve"])],
          watermarks: [{ conversationId: "b", userId: "alice", deliveredSeq: 3, readSeq: 2 }],
          roles: [{ conversationId: "b", userId: "alice", role: "owner" }],
          preferences: [{ conversationId: "b", userId: "alice", archivedMs: EPOCH_MS }],
        }),
      );
      const [first, ...others] = await storage.users.membershipsOf("alice", null, 1);
      expect(others).toEqual([]);
      expect(first).toEqual({
        ...{ conversationId: "b", kind: "group", title: "Team", role: "owner" },
        ...{ joinedSeq: 0, deliveredSeq: 3, readSeq: 2 },
        ...{ mutedUntilMs: null, archivedMs: EPOCH_MS, pinnedMs: null },
      });
      const rest = await storage.users.membershipsOf("alice", "b", 10);
      expect(rest).toMatchObject([{ conversationId: "c", kind: "direct", title: null }]);
    });

    test("gives every message that a user has sent, once, whatever the page, as it is now", async () => {
      const sent = Array.from(
        { length: 7 },
        (_, index): StoredMessage =>
          message(index + 1, {
            // Some with the client's id, and one of bob's.
            clientMessageId: index % 2 === 0 ? `client ${index}` : null,
            senderId: index === 3 ? "bob" : "alice",
          }),
      );
      const change = { messageId: "chat#2", content: "edited", editedMs: EPOCH_MS + 9 };
      await storage.chat.commit(
        batch({
          conversations: [conversation()],
          messages: sent,
          messageChanges: [{ kind: "edit", ...change }],
        }),
      );
      for (const limit of [1, 2, 3, 100]) {
        const found: StoredMessage[] = [];
        let from: string | null = null;
        do {
          const page = await storage.users.messagesOf("alice", from, limit);
          expect(page.messages.length).toBeLessThanOrEqual(limit);
          found.push(...page.messages);
          from = page.next;
        } while (from !== null);
        const expected = await storage.chat.history({ conversationId: "chat", limit: 10 });
        expect(found.toSorted((a, b) => a.seq - b.seq)).toEqual(
          expected.filter(({ senderId }) => senderId === "alice"),
        );
      }
    });

    test("gives a user's reactions, by message", async () => {
      const react = (messageId: string, userId: string) =>
        ({ kind: "react", messageId, userId, emoji: "👍", reactedMs: EPOCH_MS }) as const;
      await storage.chat.commit(
        batch({
          conversations: [conversation()],
          messages: [message(1), message(2), message(3)],
          messageChanges: [react("chat#2", "bob"), react("chat#1", "bob"), react("chat#3", "eve")],
        }),
      );
      const reaction = { conversationId: "chat", emoji: "👍", reactedMs: EPOCH_MS };
      const all = ["chat#1", "chat#2"].map((messageId) => ({ messageId, ...reaction }));
      expect(await storage.users.reactionsOf("bob", null, 10)).toEqual(all);
      expect(await storage.users.reactionsOf("bob", "chat#1", 1)).toEqual(all.slice(1));
      expect(await storage.users.reactionsOf("bob", "chat#2", 1)).toEqual([]);
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      const { users } = storage;
      expect(await refusalOf(() => users.putProfile("a", {}))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => users.known(["a"]))).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
