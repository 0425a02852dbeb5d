import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Invite } from "../../src/chat/invites.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, EPOCH_MS } from "../support/stored.ts";

/** What every InviteStore keeps. `factory` opens an empty storage, which the suite closes. */
export function inviteStoreContract(name: string, factory: () => Storage | Promise<Storage>): void {
  describe(`${name} is an InviteStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
      const groups = ["team", "other"].map((id) => conversation(id, ["alice", "bob", "carol"]));
      await storage.chat.commit(batch({ conversations: groups }));
    });
    afterEach(() => storage.close());

    const invite = (code: string, createdMs: number, fields: Partial<Invite> = {}): Invite => ({
      ...{ code, conversationId: "team", creatorId: "alice", createdMs, expiresMs: null },
      ...fields,
    });

    test("finds an invite by its code, every field kept", async () => {
      const kept = invite("a-Z_9", EPOCH_MS, { expiresMs: EPOCH_MS + 1 });
      await storage.invites.put(kept);
      expect(await storage.invites.byCode("a-Z_9")).toEqual(kept);
      expect(await storage.invites.byCode("a-z_9")).toBeNull();
    });

    test("lists those of a conversation, the oldest first", async () => {
      await Promise.all([
        storage.invites.put(invite("late", 3)),
        storage.invites.put(invite("early", 1)),
        storage.invites.put(invite("foreign", 2, { conversationId: "other" })),
      ]);
      const codes = (await storage.invites.ofConversation("team")).map(({ code }) => code);
      expect(codes).toEqual(["early", "late"]);
      expect(await storage.invites.ofConversation("nowhere")).toEqual([]);
    });

    test("forgets what was removed, and keeps the first of a code", async () => {
      await storage.invites.put(invite("one", 1));
      await storage.invites.put(invite("one", 2));
      expect((await storage.invites.byCode("one"))?.createdMs).toBe(1);
      await storage.invites.remove("one");
      await storage.invites.remove("none");
      expect(await storage.invites.byCode("one")).toBeNull();
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      const { invites } = storage;
      expect(await refusalOf(() => invites.put(invite("one", 1)))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => invites.byCode("one"))).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
