import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { MessageWrite, WriteBatch } from "../../src/chat/chat-writes.ts";
import type { SearchQuery } from "../../src/chat/search.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { idsFound, idsFoundAtLast, searchQuery } from "../support/search-queries.ts";
import { batch, conversation, EPOCH_MS, joining, message } from "../support/stored.ts";

/** What every MessageSearch finds. `factory` opens an empty storage, which the suite closes. */
export function messageSearchContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} is a MessageSearch`, () => {
    let storage: Storage;
    let writes: number;

    beforeEach(async () => {
      writes = 0;
      storage = await factory();
      const groups = [
        conversation("chat", ["alice", "bob"]),
        conversation("team", ["alice", "bob", "carol"]),
        conversation("private", ["carol", "dave"]),
        conversation("index", ["the index"]),
      ];
      await storage.chat.commit(batch({ conversations: groups }));
    });
    afterEach(() => storage.close());

    const find = (text: string, fields: Partial<SearchQuery> = {}) =>
      storage.search.search(searchQuery(text, fields));
    const idsOf = (text: string, fields: Partial<SearchQuery> = {}) =>
      idsFound(storage.search, searchQuery(text, fields));

    /** Committed, and indexed: what is written later is found later. */
    async function commit(parts: Partial<WriteBatch>): Promise<void> {
      await storage.chat.commit(batch(parts));
      writes += 1;
      const content = `committed${writes}`;
      const sentinel = message(writes, { conversationId: "index", content });
      await storage.chat.commit(batch({ messages: [sentinel] }));
      await idsFoundAtLast(storage.search, searchQuery(content, { userId: "the index" }));
    }
    const say = (...texts: readonly (string | Partial<StoredMessage>)[]) =>
      commit({
        messages: texts.map((said, at) =>
          message(at + 1, typeof said === "string" ? { content: said } : said),
        ),
      });
    const change = (...messageChanges: readonly MessageWrite[]) => commit({ messageChanges });

    test("finds all words in whatever order, the newest message first", async () => {
      await say("the quick brown fox", "a fox is quick", "a fox sleeps", "quickly gone");
      expect(await idsOf("quick fox")).toEqual(["chat#2", "chat#1"]);
      expect(await idsOf("fox")).toEqual(["chat#3", "chat#2", "chat#1"]);
      expect(await idsOf("wolf")).toEqual([]);
    });

    test("tells the whole message, and where in it what stands", async () => {
      await say("Über den Wolken");
      const { hits, next } = await find("wolken uber");
      expect(hits).toEqual([
        {
          message: message(1, { content: "Über den Wolken" }),
          ranges: [
            [0, 4],
            [9, 15],
          ],
        },
      ]);
      expect(next).toBeNull();
    });

    test("a phrase is found as it stands alone", async () => {
      await say("see you at noon", "you see, at noon", "noon: see you at");
      expect(await idsOf('"see you at"')).toEqual(["chat#3", "chat#1"]);
      expect(await idsOf('noon "see you"')).toEqual(["chat#3", "chat#1"]);
    });

    test("the last word may go on, unless it is short or quoted", async () => {
      await say("interrogation", "international", "inter", "internet", "in");
      expect(await idsOf("inter")).toEqual(["chat#4", "chat#3", "chat#2", "chat#1"]);
      expect(await idsOf("interna")).toEqual(["chat#2"]);
      expect(await idsOf("intern")).toEqual(["chat#4", "chat#2"]);
      expect(await idsOf('"inter"')).toEqual(["chat#3"]);
      expect(await idsOf("in")).toEqual(["chat#5"]);
    });

    test("knows case and diacritics for nothing, and words of every script", async () => {
      await say("Crème BRÛLÉE", "我们明天见面", "Привет, мир", "สวัสดีครับ", "ΟΔΟΣ");
      expect(await idsOf("creme brulee")).toEqual(["chat#1"]);
      expect(await idsOf("明天")).toEqual(["chat#2"]);
      expect(await idsOf("天明")).toEqual([]);
      expect(await idsOf("ПРИВ")).toEqual(["chat#3"]);
      expect(await idsOf("ครับ")).toEqual(["chat#4"]);
      expect(await idsOf("οδος")).toEqual(["chat#5"]);
    });

    test("what looks like the index's own language is text", async () => {
      await say("either OR neither", "NEAR the end AND beyond", "content: conversation - ^x*");
      expect(await idsOf("OR neither")).toEqual(["chat#1"]);
      expect(await idsOf("near AND beyond")).toEqual(["chat#2"]);
      expect(await idsOf('content:conversation ^x* "')).toEqual(["chat#3"]);
      expect(await idsOf("NOT either")).toEqual([]);
    });

    test("finds in one's own conversations alone, from one's joining on", async () => {
      const inTeam = { conversationId: "team", recipientId: null };
      const secret = { conversationId: "private", senderId: "carol" };
      await say(
        "needle 1",
        "needle 2",
        { ...message(1, inTeam), content: "needle in the team" },
        { ...message(1, secret), content: "needle in private" },
      );
      expect(await idsOf("needle")).toEqual(["team#1", "chat#2", "chat#1"]);
      expect(await idsOf("needle", { userId: "carol" })).toEqual(["private#1", "team#1"]);
      expect(await idsOf("needle", { userId: "nobody" })).toEqual([]);
      expect(await idsOf("needle", { conversationId: "private" })).toEqual([]);
      await commit({ addedMembers: [joining("erin", 1)] });
      expect(await idsOf("needle", { userId: "erin" })).toEqual(["chat#2"]);
      await commit({ removedMembers: [{ conversationId: "chat", userId: "bob" }] });
      expect(await idsOf("needle")).toEqual(["team#1"]);
    });

    test("by conversation, by sender and by date", async () => {
      const bob = { senderId: "bob", senderName: "Bob" };
      await say(
        { content: "needle" },
        { content: "needle", ...bob },
        { content: "needle" },
        { ...message(1, { conversationId: "team", ...bob }), content: "needle" },
      );
      expect(await idsOf("needle", { conversationId: "chat" })).toEqual([
        ...["chat#3", "chat#2", "chat#1"],
      ]);
      expect(await idsOf("needle", { senderId: "bob" })).toEqual(["team#1", "chat#2"]);
      expect(await idsOf("needle", { senderId: "alice", conversationId: "team" })).toEqual([]);
      const since = { sinceMs: EPOCH_MS + 2, conversationId: "chat" };
      expect(await idsOf("needle", since)).toEqual(["chat#3", "chat#2"]);
      expect(await idsOf("needle", { ...since, untilMs: EPOCH_MS + 3 })).toEqual(["chat#2"]);
      expect(await idsOf("needle", { sinceMs: EPOCH_MS + 9_999_999 })).toEqual([]);
      expect(await idsOf("needle", { untilMs: EPOCH_MS - 9_999_999 })).toEqual([]);
    });

    test("tells nobody of what is not theirs, not even that there is more", async () => {
      const many = Array.from({ length: 300 }, (_, at) =>
        message(at + 1, { conversationId: "private", senderId: "carol", content: "needle" }),
      );
      await commit({ messages: many });
      const stranger = { conversationId: "private", limit: 1 };
      expect(await find("needle", stranger)).toEqual({ hits: [], next: null });
      await commit({
        addedMembers: [{ ...joining("bob", 300), conversationId: "private" }],
      });
      expect(await find("needle", stranger)).toEqual({ hits: [], next: null });
      expect((await find("needle", { ...stranger, userId: "carol" })).next).not.toBeNull();
    });

    test("finds nothing whose time is over", async () => {
      await say({ content: "needle", expiresMs: EPOCH_MS + 10 }, { content: "needle" });
      expect(await idsOf("needle", { nowMs: EPOCH_MS + 9 })).toEqual(["chat#2", "chat#1"]);
      expect(await idsOf("needle", { nowMs: EPOCH_MS + 10 })).toEqual(["chat#2"]);
    });

    test("finds in messages of any text, and in those of very many words", async () => {
      const words = Array.from({ length: 120_000 }, (_, at) => `word${at.toString(36)}`);
      await say(["needle", ...words].join(" "), "needle\0needle \ud83d 'pin' \\ \"");
      expect(await idsOf("needle")).toEqual(["chat#2", "chat#1"]);
      expect(await idsOf("needle word1")).toEqual(["chat#1"]);
      const { hits } = await find('"needle needle"', { limit: 1 });
      expect(hits.map(({ ranges }) => ranges)).toEqual([[[0, 13]]]);
    });

    test("looks at so much for a page, and no more, of very long messages too", async () => {
      const long = "needle ".repeat(10_000);
      await say(...Array.from({ length: 20 }, () => long));
      const seqs: number[] = [];
      let after: string | null = null;
      do {
        const page = await find('needle "needle"', { after });
        for (const { message: found, ranges } of page.hits) {
          seqs.push(found.seq);
          expect(ranges.length).toBeLessThanOrEqual(32);
        }
        after = page.next;
      } while (after !== null);
      expect(seqs).toEqual(Array.from({ length: 20 }, (_, at) => 20 - at));
    });

    test("in pages, without a message twice or left out", async () => {
      await say(...Array.from({ length: 25 }, (_, at) => `needle ${at % 2 === 0 ? "even" : ""}`));
      const ids: string[] = [];
      let after: string | null = null;
      do {
        const page = await find("needle even", { limit: 5, after });
        ids.push(...page.hits.map((hit) => hit.message.id));
        after = page.next;
      } while (after !== null);
      expect(ids).toEqual(Array.from({ length: 13 }, (_, at) => `chat#${25 - 2 * at}`));
      expect(await refusalOf(() => find("needle", { after: "no place" }))).toBe(
        "VALIDATION_FAILED",
      );
    });

    test("orders by relevance, where that is asked for", async () => {
      await say(
        "sailing, sailing: all about sailing",
        "somebody who has once been sailing, among very many other things that people do",
        "sailings",
      );
      const relevance = { order: "relevance" } as const;
      expect(await idsOf("sailing", relevance)).toEqual(["chat#1", "chat#2", "chat#3"]);
      expect(await idsOf("sailing", { ...relevance, limit: 1 })).toEqual(["chat#1"]);
    });

    test("finds what a message says now, and nothing of one that was deleted", async () => {
      await say("first needle", "second needle", "third needle");
      await change(
        { kind: "edit", messageId: "chat#1", content: "a pin", editedMs: 5 },
        { kind: "delete", messageId: "chat#2", deletedMs: 6 },
      );
      expect(await idsOf("needle")).toEqual(["chat#3"]);
      expect(await idsOf("pin")).toEqual(["chat#1"]);
      await change({ kind: "edit", messageId: "chat#1", content: "needle anew", editedMs: 7 });
      expect(await idsOf("needle")).toEqual(["chat#3", "chat#1"]);
      expect(await idsOf("pin")).toEqual([]);
    });

    test("finds no events, and no messages that are no longer kept", async () => {
      await say("needle", { content: "a needle was pinned", type: "MESSAGE_PINNED", event: "{}" });
      expect(await idsOf("needle")).toEqual(["chat#1"]);
      const rule = { beforeMs: EPOCH_MS + 2, keepLast: null, after: null, limit: 100 };
      await storage.chat.removeExpired(rule);
      expect(await idsOf("needle")).toEqual([]);
      // The rows of the removed are used anew.
      await commit({ messages: [message(3, { content: "needle in a new place" })] });
      expect(await idsOf("needle")).toEqual(["chat#3"]);
    });

    test.each([300, 4_200])("finds for one who is in %d conversations of more", async (count) => {
      const ids = Array.from({ length: count + 100 }, (_, at) => `room-${at}`);
      const isOthers = (at: number) => at % 100 === 99;
      await commit({
        conversations: ids.map((id, at) =>
          conversation(id, isOthers(at) ? ["carol", "frank"] : ["bob", "carol", "frank"]),
        ),
        messages: ids.map((conversationId, at) =>
          message(1, {
            ...{ conversationId, senderId: "carol" },
            content: at % 100 === 0 || isOthers(at) ? "needle" : "hay",
          }),
        ),
      });
      const bobs = ids.filter((_, at) => at % 100 === 0).map((id) => `${id}#1`);
      expect(await idsOf("needle", { limit: 100 })).toEqual(bobs.toReversed());
      expect(await idsOf("needle", { userId: "alice" })).toEqual([]);
      expect(await idsOf("needle", { conversationId: "room-99" })).toEqual([]);
    });

    test("is refused when the store is closed", async () => {
      await storage.close();
      expect(await refusalOf(() => find("needle"))).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
