import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ERASED_NAME } from "../../src/chat/erased.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { expandAll, NOW_MS, noticeKey, say, target } from "../support/noticed.ts";
import { refusalOf } from "../support/refusal.ts";
import { attachment, batch, conversation, EPOCH_MS, identity, message } from "../support/stored.ts";

const REQUESTED_MS = EPOCH_MS + 1_000_000;
const ofAlice = { userId: "alice", requestedMs: REQUESTED_MS, keepsMessages: false };

/** What every ErasureStore does. `factory` opens an empty storage, which the suite closes. */
export function erasureStoreContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} is an ErasureStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
    });
    afterEach(() => storage.close());

    /** All portions of so many rows; how many these were. */
    async function erase(userId: string, limit = 100): Promise<number> {
      for (let portions = 1; ; portions += 1) {
        if (await storage.erasures.erasePortion(userId, limit)) return portions;
      }
    }

    const history = (conversationId = "chat") =>
      storage.chat.history({ conversationId, limit: 1_000 });

    test("remembers who is to be erased, and when that is done", async () => {
      await storage.erasures.begin(ofAlice);
      await storage.erasures.begin({ ...ofAlice, userId: "bob", requestedMs: REQUESTED_MS - 1 });
      // One that is under way goes on.
      await storage.erasures.begin({ ...ofAlice, requestedMs: 5, keepsMessages: true });
      const begun = { ...ofAlice, doneMs: null, erasedMessages: 0 };
      expect(await storage.erasures.erasure("alice")).toEqual(begun);
      expect(await storage.erasures.erasure("carol")).toBeNull();
      const userIds = async () =>
        (await storage.erasures.underWay()).map(({ userId }) => userId).sort();
      expect(await userIds()).toEqual(["alice", "bob"]);
      await storage.erasures.finish(ofAlice, REQUESTED_MS + 7);
      expect(await userIds()).toEqual(["bob"]);
      expect((await storage.erasures.erasure("alice"))?.doneMs).toBe(REQUESTED_MS + 7);
      await storage.erasures.begin({ ...ofAlice, keepsMessages: true });
      expect(await storage.erasures.erasure("alice")).toEqual({ ...begun, keepsMessages: true });
    });

    test("takes out what the user said, with its versions, reactions, pin and the name; ids and seqs stay", async () => {
      const said: StoredMessage[] = [
        message(1, { clientMessageId: "c1" }),
        message(2, { senderId: "bob", senderName: "Bob" }),
        message(3),
        message(4, { clientMessageId: "c4", conversationId: "other" }),
      ];
      await storage.chat.commit(
        batch({
          conversations: [conversation(), conversation("other", ["alice", "eve"])],
          messages: said,
          messageChanges: [
            { kind: "edit", messageId: "chat#1", content: "edited", editedMs: EPOCH_MS + 5 },
            { kind: "pin", messageId: "chat#3", pinnedMs: EPOCH_MS + 6 },
            ...["chat#3", "chat#2"].map(
              (messageId) =>
                ({ kind: "react", messageId, userId: "bob", emoji: "x", reactedMs: 1 }) as const,
            ),
          ],
        }),
      );
      await storage.erasures.begin(ofAlice);
      await erase("alice");
      const erased = { senderName: ERASED_NAME, content: "", deletedMs: REQUESTED_MS };
      const nothing = { ...erased, pinnedMs: null, reactions: null };
      expect(await history()).toMatchObject([
        { id: "chat#1", seq: 1, senderId: "alice", ...nothing },
        { id: "chat#2", content: "message 2", senderName: "Bob", reactions: '[["x","bob"]]' },
        { id: "chat#3", seq: 3, ...nothing },
      ]);
      expect(await history("other")).toMatchObject([{ seq: 4, ...nothing }]);
      expect(await storage.chat.versions("chat#1")).toEqual([]);
      expect(await storage.chat.pinned("chat", 10)).toEqual([]);
      expect((await storage.erasures.erasure("alice"))?.erasedMessages).toBe(3);
    });

    test("forgets the sender's own ids of messages: somebody new may have the same, and the same ids", async () => {
      for (const keepsMessages of [true, false]) {
        const [userId, chat] = [`kept-${keepsMessages}`, `chat-${keepsMessages}`];
        const own = { conversationId: chat, senderId: userId };
        const ids = Array.from({ length: 25 }, (_, index) => `c${index}`);
        const said = ids.map((clientMessageId, index) =>
          message(index + 1, { ...own, clientMessageId }),
        );
        const ofBob = message(26, { ...own, senderId: "bob", clientMessageId: chat });
        await storage.chat.commit(
          batch({ conversations: [conversation(chat, [userId, "bob"])], messages: said }),
        );
        await storage.chat.commit(batch({ messages: [ofBob] }));
        await storage.erasures.begin({ ...ofAlice, userId, keepsMessages });
        await erase(userId, 10);
        expect((await storage.erasures.erasure(userId))?.erasedMessages).toBe(25);
        for (const id of ids) expect(await storage.chat.messageByClientId(userId, id)).toBeNull();
        expect((await history(chat)).map(({ clientMessageId }) => clientMessageId)).toEqual([
          ...ids.map(() => null),
          chat,
        ]);
        const anew = message(27, { ...own, clientMessageId: "c3" });
        await storage.chat.commit(batch({ messages: [anew] }));
        expect(await storage.chat.messageByClientId(userId, "c3")).toMatchObject(identity(anew));
      }
    });

    test("begins anew where no message is to be kept any more", async () => {
      const messages = [message(1), message(2)];
      await storage.chat.commit(batch({ conversations: [conversation()], messages }));
      await storage.erasures.begin({ ...ofAlice, keepsMessages: true });
      await erase("alice");
      await storage.erasures.told("alice", ["chat"]);
      await storage.erasures.begin({ ...ofAlice, requestedMs: REQUESTED_MS + 5 });
      expect(await storage.erasures.erasure("alice")).toEqual({
        ...{ ...ofAlice, keepsMessages: false, doneMs: null, erasedMessages: 0 },
      });
      await storage.erasures.begin({ ...ofAlice, keepsMessages: true });
      await erase("alice");
      expect((await history()).map(({ content }) => content)).toEqual(["", ""]);
      expect((await storage.erasures.erasure("alice"))?.erasedMessages).toBe(2);
      expect(await storage.erasures.untold("alice", 10)).toEqual(["chat"]);
    });

    test("takes files with the messages that are not kept, and those that are in none", async () => {
      for (const keepsMessages of [true, false]) {
        const id = (name: string) => `${name}-${keepsMessages}`;
        const chat = id("chat");
        for (const name of ["sent", "unsent", "of bob"]) {
          const uploaderId = name === "of bob" ? "bob" : "alice";
          await storage.attachments.put(attachment(id(name), { uploaderId }));
        }
        const attachments = JSON.stringify([{ id: id("sent") }]);
        const said = message(1, { conversationId: chat, attachments });
        await storage.chat.commit(batch({ conversations: [conversation(chat)], messages: [said] }));
        await storage.erasures.begin({ ...ofAlice, keepsMessages });
        await erase("alice", 1);
        const removeMsOf = async (name: string) =>
          (await storage.attachments.byIds([id(name)]))[0]?.removeMs;
        expect(await removeMsOf("unsent")).toBe(0);
        expect(await removeMsOf("sent")).toBe(keepsMessages ? null : 0);
        expect(await removeMsOf("of bob")).toBeGreaterThan(0);
        expect((await history(chat))[0]?.attachments).toBe(keepsMessages ? attachments : null);
        await storage.erasures.finish({ ...ofAlice, keepsMessages }, REQUESTED_MS);
      }
    });

    test("takes whom messages name, and leaves them their time", async () => {
      const said = message(1, {
        ...{ mentions: JSON.stringify(["bob"]), expiresMs: EPOCH_MS + 5_000_000 },
      });
      await storage.chat.commit(batch({ conversations: [conversation()], messages: [said] }));
      expect(await storage.chat.disappearing(10)).toHaveLength(1);
      await storage.erasures.begin(ofAlice);
      await erase("alice");
      expect(await history()).toMatchObject([
        { mentions: null, expiresMs: said.expiresMs, deletedMs: REQUESTED_MS },
      ]);
      expect(await storage.chat.disappearing(10)).toEqual([]);
    });

    test("keeps what was said where that is asked for, without the name", async () => {
      const edit = { messageId: "chat#1", content: "edited", editedMs: EPOCH_MS + 5 };
      await storage.chat.commit(
        batch({
          conversations: [conversation()],
          messages: [message(1)],
          messageChanges: [{ kind: "edit", ...edit }],
        }),
      );
      await storage.erasures.begin({ ...ofAlice, keepsMessages: true });
      await erase("alice");
      expect(await history()).toMatchObject([
        { content: "edited", senderName: ERASED_NAME, deletedMs: null },
      ]);
      expect(await storage.chat.versions("chat#1")).toHaveLength(1);
    });

    test("takes the name, and what was reacted, out of events that the user brought about", async () => {
      const event = (seq: number, type: string, content: string, told: object) =>
        message(seq, { type, content, event: JSON.stringify(told) });
      const reacted = { messageId: "chat#1", seq: 1, emoji: "👍" };
      await storage.chat.commit(
        batch({
          conversations: [conversation()],
          messages: [
            event(1, "MEMBER_ADDED", "Alice added bob", { userId: "bob" }),
            event(2, "MESSAGE_REACTION", "Alice reacted with 👍", reacted),
          ],
        }),
      );
      await storage.erasures.begin(ofAlice);
      await erase("alice");
      const [added, reaction] = await history();
      const kept = { senderName: ERASED_NAME, deletedMs: null };
      expect(added).toMatchObject({ ...kept, content: `${ERASED_NAME} added bob` });
      expect(added?.event).toBe('{"userId":"bob"}');
      expect(reaction).toMatchObject({ ...kept, content: `${ERASED_NAME} took a reaction back` });
      expect(JSON.parse(reaction?.event ?? "")).toEqual({ ...reacted, emoji: null });
      expect((await storage.erasures.erasure("alice"))?.erasedMessages).toBe(0);
    });

    test("forgets preferences, reactions, links and ids of removed messages, and those of nobody else", async () => {
      const react = (userId: string) =>
        ({ kind: "react", messageId: "chat#9", userId, emoji: "x", reactedMs: 1 }) as const;
      const archive = (userId: string) => ({
        ...{ conversationId: "chat", userId, archivedMs: 1, mutedUntilMs: 2, pinnedMs: 3 },
      });
      const gone = ["alice", "bob"].map((senderId, index) =>
        message(index + 1, { senderId, clientMessageId: "gone" }),
      );
      await storage.chat.commit(
        batch({
          conversations: [conversation()],
          messages: [...gone, message(9, { senderId: "eve" })],
          preferences: [archive("alice"), archive("bob")],
          messageChanges: [react("alice"), react("bob")],
        }),
      );
      await storage.chat.removeExpired({ beforeMs: null, keepLast: 1, after: null, limit: 10 });
      const invite = { conversationId: "chat", createdMs: 1, expiresMs: null };
      for (const creatorId of ["alice", "bob"]) {
        await storage.invites.put({ ...invite, creatorId, code: `by-${creatorId}` });
      }
      await storage.erasures.begin(ofAlice);
      await erase("alice");
      const preferencesOf = async (userId: string) =>
        (await storage.users.membershipsOf(userId, null, 1))[0]?.archivedMs;
      expect([await preferencesOf("alice"), await preferencesOf("bob")]).toEqual([null, 1]);
      const [left] = await history();
      expect(left?.reactions).toBe('[["x","bob"]]');
      expect(await storage.users.reactionsOf("alice", null, 1)).toEqual([]);
      expect(await storage.invites.byCode("by-alice")).toBeNull();
      expect(await storage.invites.byCode("by-bob")).not.toBeNull();
      expect(await storage.chat.messageByClientId("alice", "gone")).toBeNull();
      const ofBob = gone[1];
      expect(await storage.chat.messageByClientId("bob", "gone")).toEqual(
        ofBob === undefined ? null : identity(ofBob),
      );
    });

    test("forgets where the user was reached, what they wished to be told, and what was to be sent to them", async () => {
      const { notices } = storage;
      const ids = Array.from({ length: 12 }, (_, at) => `chat ${at}`);
      const conversations = ids.map((id) => conversation(id, ["alice", "bob", "carol"]));
      await storage.chat.commit(batch({ conversations }));
      for (const userId of ["alice", "bob"]) {
        await notices.putTarget(target(userId, { userId }));
        await notices.putPreferences(userId, DEFAULT_PREFERENCES);
      }
      await say(
        storage,
        ...ids.map((conversationId) => message(1, { conversationId, senderId: "carol" })),
      );
      await expandAll(notices);
      const letters = ["alice", "bob"].flatMap((userId) =>
        ids.slice(0, 4).map((id) => ({
          ...{ ...noticeKey(1, userId, id), kind: "dead" as const, letterId: `${userId} ${id}` },
          ...{ attempts: 1, reason: "refused", diedMs: NOW_MS, event: null },
        })),
      );
      await notices.settle(letters);
      await storage.erasures.begin(ofAlice);
      await erase("alice", 3);
      expect(await notices.targetsOf("alice")).toEqual([]);
      expect(await notices.preferencesOf("alice")).toBeNull();
      expect(await notices.targetsOf("bob")).toHaveLength(1);
      expect(await notices.preferencesOf("bob")).toEqual(DEFAULT_PREFERENCES);
      const left = await notices.deadLetters(null, 100);
      expect(left.map(({ userId }) => userId)).toEqual(["bob", "bob", "bob", "bob"]);
      expect(await notices.waiting()).toBe(8);
      await notices.putTarget(target("alice", { userId: "alice" }));
      expect(await notices.waiting()).toBe(8);
    });

    test("leaves nothing of what could not be sent to the user meanwhile", async () => {
      const { notices } = storage;
      await storage.chat.commit(batch({ conversations: [conversation()] }));
      await notices.putTarget(target("alice", { userId: "alice" }));
      await say(storage, message(1, { senderId: "bob" }), message(2, { senderId: "bob" }));
      await expandAll(notices);
      await storage.erasures.begin(ofAlice);
      for (let portion = 1; !(await storage.erasures.erasePortion("alice", 50)); portion += 1) {
        // The second message is left to be told of, so that there is such an end each time.
        const letter = {
          letterId: `letter ${portion}`,
          attempts: 1,
          reason: "503",
          diedMs: NOW_MS,
          event: null,
        };
        await notices.settle([{ ...noticeKey(1, "alice"), kind: "dead", ...letter }]);
      }
      expect(await notices.deadLetters(null, 100)).toEqual([]);
    });

    test("goes in portions, which come to an end", async () => {
      const messages = Array.from({ length: 60 }, (_, index) =>
        message(index + 1, { clientMessageId: index % 3 === 0 ? null : `c${index}` }),
      );
      await storage.chat.commit(batch({ conversations: [conversation()], messages }));
      await storage.erasures.begin(ofAlice);
      const erasedSoFar = async () =>
        (await history()).filter(({ deletedMs }) => deletedMs !== null).length;
      for (let portions = 0; (await erasedSoFar()) === 0; portions += 1) {
        expect(portions).toBeLessThan(20);
        await storage.erasures.erasePortion("alice", 10);
      }
      expect(await erasedSoFar()).toBeLessThanOrEqual(10);
      expect(await erase("alice", 10)).toBeGreaterThan(4);
      expect((await history()).every(({ deletedMs }) => deletedMs === REQUESTED_MS)).toBe(true);
      expect((await storage.erasures.erasure("alice"))?.erasedMessages).toBe(60);
    });

    test("says whose members are to be told: where the user is, and where they said something", async () => {
      await storage.chat.commit(
        batch({
          conversations: [conversation("b"), conversation("a", ["bob", "eve"]), conversation("c")],
          // Of a group that she has left since.
          messages: [message(1, { conversationId: "a" })],
        }),
      );
      expect(await storage.erasures.untold("alice", 10)).toEqual([]);
      await storage.erasures.begin(ofAlice);
      await erase("alice");
      expect(await storage.erasures.untold("alice", 10)).toEqual(["a", "b", "c"]);
      expect(await storage.erasures.untold("alice", 2)).toEqual(["a", "b"]);
      await storage.erasures.told("alice", ["a", "b"]);
      expect(await storage.erasures.untold("alice", 10)).toEqual(["c"]);
      await storage.erasures.finish(ofAlice, REQUESTED_MS);
      expect(await storage.erasures.untold("alice", 10)).toEqual([]);
    });

    test("is not done where it has begun anew, as one that does not keep messages", async () => {
      const keeping = { ...ofAlice, keepsMessages: true };
      await storage.erasures.begin(keeping);
      await erase("alice");
      await storage.erasures.begin(ofAlice);
      await storage.erasures.finish(keeping, REQUESTED_MS);
      const begun = { doneMs: null, keepsMessages: false };
      expect(await storage.erasures.erasure("alice")).toMatchObject(begun);
    });

    test("forgets the user at the end", async () => {
      const user = { userId: "alice", name: "Alice", lastSeenMs: EPOCH_MS };
      await storage.chat.commit(batch({ users: [user] }));
      await storage.users.putProfile("alice", { name: "Ally" });
      await storage.erasures.begin(ofAlice);
      await erase("alice");
      await storage.erasures.finish(ofAlice, REQUESTED_MS);
      expect(await storage.users.known(["alice"])).toEqual([]);
      expect(await storage.chat.users(["alice"])).toEqual([]);
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      const { erasures } = storage;
      expect(await refusalOf(() => erasures.begin(ofAlice))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => erasures.underWay())).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
