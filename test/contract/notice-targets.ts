import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DEFAULT_PREFERENCES, type NoticePreferences } from "../../src/notify/preferences.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { expandAll, NOW_MS, say, target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

/** What every NoticeTargetStore keeps. `factory` opens an empty storage, which the suite closes. */
export function noticeTargetsContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} is a NoticeTargetStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
    });
    afterEach(() => storage.close());

    /** Of what is due, target, conversation and last seq. */
    async function waiting() {
      const due = await storage.notices.due("webpush", NOW_MS, 100);
      return due.map(({ target: { id }, conversationId, lastSeq }) => [
        ...[id, conversationId, lastSeq],
      ]);
    }

    test("keeps each user's, the one made first first", async () => {
      const [first, second] = [
        target("t1", { keys: '{"auth":"\\u0000\\u0001"}' }),
        target("t2", { channel: "email", address: "bob@example.org", createdMs: EPOCH_MS + 1 }),
      ];
      const odd = target("t0", { userId: "\u0001odd\0 name", address: "https://x/\u0001" });
      for (const each of [second, odd, first]) await storage.notices.putTarget(each);
      expect(await storage.notices.targetsOf("bob")).toEqual([first, second]);
      expect(await storage.notices.targetsOf("\u0001odd\0 name")).toEqual([odd]);
      expect(await storage.notices.targetsOf("nobody")).toEqual([]);
    });

    test("has one with an address at a time: it is whose it was last, and the one before is told of nothing there", async () => {
      await storage.chat.commit(batch({ conversations: [conversation()] }));
      const [ofBob, kept] = [target("browser"), target("phone")];
      await storage.notices.putTarget(ofBob);
      await storage.notices.putTarget(kept);
      // The same address, but of another channel.
      const mail = target("mail", { channel: "email", address: ofBob.address });
      await storage.notices.putTarget(mail);
      await say(storage, message(1));
      await expandAll(storage.notices);
      const ofCarol = target("z", { userId: "carol", address: ofBob.address, keys: "{}" });
      await storage.notices.putTarget(ofCarol);
      expect(await storage.notices.targetsOf("bob")).toEqual([mail, kept]);
      expect(await storage.notices.targetsOf("carol")).toEqual([ofCarol]);
      expect(await waiting()).toEqual([["phone", "chat", 1]]);
      await say(storage, message(2));
      await expandAll(storage.notices);
      expect(await waiting()).toEqual([["phone", "chat", 2]]);
    });

    test("takes another address, and other keys, for one that is there", async () => {
      await storage.notices.putTarget(target("t"));
      const renewed = target("t", { address: "https://push.example/new", keys: "{}" });
      await storage.notices.putTarget(renewed);
      expect(await storage.notices.targetsOf("bob")).toEqual([renewed]);
      const other = target("u", { userId: "carol", address: "https://push.example/t" });
      await storage.notices.putTarget(other);
      expect(await storage.notices.targetsOf("bob")).toEqual([renewed]);
    });

    test("removes the user's own, with what was to be sent to it", async () => {
      await storage.chat.commit(batch({ conversations: [conversation()] }));
      await storage.notices.putTarget(target("browser"));
      await say(storage, message(1));
      await expandAll(storage.notices);
      await storage.notices.removeTarget("carol", "browser");
      await storage.notices.removeTarget("bob", "none");
      expect(await waiting()).toHaveLength(1);
      await storage.notices.removeTarget("bob", "browser");
      expect(await storage.notices.targetsOf("bob")).toEqual([]);
      expect(await waiting()).toEqual([]);
      expect(await storage.notices.nextDueMs(["webpush"])).toBeNull();
      // Nor is it there again with the target.
      await storage.notices.putTarget(target("browser"));
      expect(await waiting()).toEqual([]);
    });

    test("keeps what users wish, as they said it last", async () => {
      const wishes: NoticePreferences = {
        ...{ ...DEFAULT_PREFERENCES, groups: "mentions", email: false },
        quietHours: { from: "22:00", to: "07:00", timeZone: "Europe/\u0001Vienna\0" },
      };
      expect(await storage.notices.preferencesOf("bob")).toBeNull();
      await storage.notices.putPreferences("bob", DEFAULT_PREFERENCES);
      await storage.notices.putPreferences("bob", wishes);
      await storage.notices.putPreferences("carol", DEFAULT_PREFERENCES);
      expect(await storage.notices.preferencesOf("bob")).toEqual(wishes);
      expect(await storage.notices.preferencesOf("carol")).toEqual(DEFAULT_PREFERENCES);
    });
  });
}
