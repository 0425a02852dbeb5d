import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";

/** What every BlockStore keeps. `factory` opens an empty storage, which the suite closes. */
export function blockStoreContract(name: string, factory: () => Storage | Promise<Storage>): void {
  describe(`${name} is a BlockStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
    });
    afterEach(() => storage.close());

    const put = (blockerId: string, blockedId: string, isBlocked = true) =>
      storage.blocks.put({ blockerId, blockedId }, isBlocked);
    const of = async (blockerId: string) =>
      (await storage.blocks.all())
        .filter((block) => block.blockerId === blockerId)
        .map(({ blockedId }) => blockedId);

    test("keeps each block once, a user's in their order", async () => {
      for (const blockedId of ["zoe", "bob", "zoe"]) await put("alice", blockedId);
      await put("bob", "alice");
      expect(await of("alice")).toEqual(["zoe", "bob"]);
      expect(await of("bob")).toEqual(["alice"]);
    });

    test("forgets those that ended, and those that never were", async () => {
      await put("alice", "bob");
      await put("alice", "bob", false);
      await put("alice", "carol", false);
      expect(await storage.blocks.all()).toEqual([]);
    });

    test("says which of some it keeps, whatever is in their ids", async () => {
      const [one, other] = [
        { blockerId: "alice", blockedId: "bob" },
        { blockerId: '"\\\u0000é', blockedId: "b,c" },
      ];
      await put("alice", "bob");
      await put(other.blockerId, other.blockedId);
      await put("carol", "bob");
      const asked = [{ blockerId: "bob", blockedId: "alice" }, one, other];
      const kept = await storage.blocks.kept(asked);
      expect(kept.toSorted((a, b) => (a.blockerId < b.blockerId ? -1 : 1))).toEqual([other, one]);
      expect(await storage.blocks.kept([])).toEqual([]);
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      expect(await refusalOf(() => put("alice", "bob"))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => storage.blocks.all())).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
