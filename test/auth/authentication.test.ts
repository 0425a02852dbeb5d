import { expect, test } from "bun:test";
import { AddressList } from "../../src/address-list.ts";
import { Authentication } from "../../src/auth/authentication.ts";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { FailedLogins } from "../../src/auth/failed-logins.ts";
import { LimitKeys } from "../../src/auth/limit-keys.ts";
import type { Principal } from "../../src/auth/principal.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { MemoryRevocationStore } from "../../src/storage/memory-revocation-store.ts";
import { TokenBuckets } from "../../src/token-buckets.ts";
import { credentials } from "../support/credentials.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { refusalOf } from "../support/refusal.ts";

/** Proofs are answered when the test says so. */
function asking() {
  const clock = new FakeClock();
  const revocations = new Revocations(new MemoryRevocationStore(), clock, [], 0);
  const answer = Promise.withResolvers<Principal>();
  const authenticator = { requestHeaders: [], authenticate: () => answer.promise };
  const noLimit = new TokenBuckets(clock, { perSecond: 0, burst: 0 });
  const failedLogins = new FailedLogins(new LimitKeys(AddressList.parse([])), noLimit);
  const authentication = new Authentication([authenticator], revocations, failedLogins);
  const proven = authentication.authenticate(credentials({}));
  return { clock, revocations, proven, answer };
}

test("a revocation while the answer is on its way ends what it proves", async () => {
  const { clock, revocations, proven, answer } = asking();
  clock.advance(1_000);
  await revocations.revokeUser("alice");
  clock.advance(1_000);
  answer.resolve(makePrincipal({ userId: "alice", issuedMs: clock.now() }));
  expect(await refusalOf(() => proven)).toBe("TOKEN_REVOKED");
});

test("so does a later one, though the issuer's clock is ahead", async () => {
  const { clock, revocations, proven, answer } = asking();
  answer.resolve(makePrincipal({ userId: "alice", issuedMs: clock.now() + 60_000 }));
  const principal = await proven;
  clock.advance(30_000);
  await revocations.revokeUser("alice");
  expect(revocations.isRevoked(principal)).toBe(true);
});

test("a proof keeps its own time, and none if it has none", async () => {
  for (const ageMs of [5_000, null]) {
    const { clock, proven, answer } = asking();
    const issuedMs = ageMs === null ? null : clock.now() - ageMs;
    answer.resolve(makePrincipal({ userId: "alice", issuedMs }));
    expect((await proven).issuedMs).toBe(issuedMs);
  }
});
