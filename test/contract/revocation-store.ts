import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Revocation } from "../../src/auth/revocations.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";

/** What every RevocationStore keeps. `factory` opens an empty storage, which the suite closes. */
export function revocationStoreContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} is a RevocationStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
    });
    afterEach(() => storage.close());

    const user: Revocation = { kind: "user", subject: "alice", revokedMs: 1_000, forgetMs: null };
    const token: Revocation = {
      kind: "token",
      subject: "alice",
      revokedMs: 2_000,
      forgetMs: 5_000,
    };
    const kept = async () =>
      [...(await storage.revocations.all())].sort((a, b) => a.revokedMs - b.revokedMs);

    test("is empty at first", async () => {
      expect(await kept()).toEqual([]);
    });

    test("keeps users and tokens apart", async () => {
      await storage.revocations.add(user);
      await storage.revocations.add(token);
      expect(await kept()).toEqual([user, token]);
    });

    test("replaces one about the same", async () => {
      await storage.revocations.add(user);
      await storage.revocations.add({ ...user, revokedMs: 3_000 });
      expect(await kept()).toEqual([{ ...user, revokedMs: 3_000 }]);
    });

    test("forgets what has expired by itself, at the next one", async () => {
      await storage.revocations.add(token);
      await storage.revocations.add({ ...user, revokedMs: 4_999 });
      expect(await kept()).toHaveLength(2);
      await storage.revocations.add({ ...user, revokedMs: 5_000 });
      expect(await kept()).toEqual([{ ...user, revokedMs: 5_000 }]);
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      const code = await refusalOf(() => storage.revocations.add(user));
      expect(code).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
