import { expect, test } from "bun:test";
import { AddressList } from "../../src/address-list.ts";
import { Authentication } from "../../src/auth/authentication.ts";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { FailedLogins } from "../../src/auth/failed-logins.ts";
import { LimitKeys } from "../../src/auth/limit-keys.ts";
import type { Principal } from "../../src/auth/principal.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { AppError } from "../../src/errors.ts";
import type { MaybePromise } from "../../src/maybe-promise.ts";
import { MemoryRevocationStore } from "../../src/storage/memory-revocation-store.ts";
import { TokenBuckets } from "../../src/token-buckets.ts";
import { credentials } from "../support/credentials.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { refusalOf } from "../support/refusal.ts";
import { LOCAL } from "../support/remote.ts";

/** Proofs are answered when the test says so. */
function asking() {
  const answer = Promise.withResolvers<Principal>();
  const { clock, revocations, authentication } = knowing(() => answer.promise);
  return { clock, revocations, proven: authentication.authenticate(credentials({})), answer };
}

function knowing(...answers: (() => MaybePromise<Principal | null>)[]) {
  const clock = new FakeClock();
  const revocations = new Revocations(new MemoryRevocationStore(), clock, [], 0);
  const authenticators = answers.map((authenticate) => ({ requestHeaders: [], authenticate }));
  const one = new TokenBuckets(clock, { perSecond: 1, burst: 1 });
  const failedLogins = new FailedLogins(new LimitKeys(AddressList.parse([])), one);
  const authentication = new Authentication(authenticators, revocations, failedLogins);
  return { clock, revocations, authentication };
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

const alice = makePrincipal({ userId: "alice" });
const remote = { ...LOCAL, peerAddress: "203.0.113.5", address: "203.0.113.5" };
const stranger = { ...credentials({}), remote };

test("who needs not be asked about elsewhere is in at once, and the first who knows them decides", () => {
  const { authentication } = knowing(
    () => null,
    () => alice,
    () => makePrincipal({ userId: "another" }),
  );
  expect(authentication.authenticate(credentials({}))).toEqual(alice);
});

test("one who must wait may leave it to the next, who need not", async () => {
  const { authentication } = knowing(
    async () => null,
    () => alice,
  );
  expect(await authentication.authenticate(credentials({}))).toEqual(alice);
});

test("whom nobody knows is refused, at once or later", async () => {
  for (const answer of [() => null, async () => null]) {
    const { authentication } = knowing(answer);
    const refusal = await refusalOf(async () => authentication.authenticate(credentials({})));
    expect(refusal).toBe("AUTHENTICATION_REQUIRED");
  }
});

test("a guess is counted, whether the answer comes at once or later", async () => {
  const wrong = new AppError("AUTHENTICATION_FAILED", "wrong");
  const answers = [
    () => {
      throw wrong;
    },
    () => Promise.reject(wrong),
  ];
  for (const answer of answers) {
    const { authentication } = knowing(answer);
    const attempt = () => refusalOf(async () => authentication.authenticate(stranger));
    expect(await attempt()).toBe("AUTHENTICATION_FAILED");
    expect(await attempt()).toBe("RATE_LIMITED");
  }
});
