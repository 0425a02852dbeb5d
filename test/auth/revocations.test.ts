import { beforeEach, expect, test } from "bun:test";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryRevocationStore } from "../../src/storage/memory-revocation-store.ts";
import { FakeClock } from "../support/fake-clock.ts";

const LEEWAY_MS = 30_000;

let clock: FakeClock;
let store: MemoryRevocationStore;
let revocations: Revocations;

beforeEach(() => {
  clock = new FakeClock();
  store = new MemoryRevocationStore();
  revocations = new Revocations(store, clock, [], LEEWAY_MS);
});

const isRevoked = (issuedMs: number | null, userId = "alice") =>
  revocations.isRevoked(makePrincipal({ userId, issuedMs }));

test("what a user was given up to the revocation no longer holds, what comes later does", async () => {
  const revokedMs = clock.now();
  await revocations.revokeUser("alice");
  expect([isRevoked(revokedMs - 1), isRevoked(revokedMs), isRevoked(revokedMs + 1)]).toEqual([
    ...[true, true, false],
  ]);
  expect(isRevoked(null)).toBe(true);
  expect(isRevoked(revokedMs - 1, "bob")).toBe(false);
});

test("it holds from the call on, and when the store fails", async () => {
  store.close();
  const revoked = revocations.revokeUser("alice");
  expect(isRevoked(0)).toBe(true);
  const fault = await revoked.catch((thrown: unknown) => thrown);
  expect(fault).toBeInstanceOf(AppError);
  expect(isRevoked(0)).toBe(true);
});

test("it holds after a start", async () => {
  await revocations.revokeUser("alice");
  await revocations.revokeToken("t1", null);
  revocations = new Revocations(store, clock, store.all(), LEEWAY_MS);
  expect(isRevoked(0)).toBe(true);
  expect(revocations.isRevoked(makePrincipal({ userId: "bob", tokenId: "t1" }))).toBe(true);
});

test("tokens that have expired meanwhile are forgotten, the others kept", () => {
  const kept = Array.from({ length: 5_000 }, (_, at) => ({
    ...({ kind: "token", subject: `t${at}`, revokedMs: 0 } as const),
    forgetMs: at % 2 === 0 ? clock.now() - 1 : null,
  }));
  revocations = new Revocations(store, clock, kept, LEEWAY_MS);
  const isTokenRevoked = (at: number) =>
    revocations.isRevoked(makePrincipal({ userId: "bob", tokenId: `t${at}` }));
  expect(isTokenRevoked(0)).toBe(false);
  for (let at = 1; at < 5_000; at += 2) expect(isTokenRevoked(at)).toBe(true);
});

test("a token that is over, but still accepted, stays revoked over a restart", async () => {
  await revocations.revokeToken("t1", clock.now() + 1_000);
  const isRevokedAfterRestart = async () => {
    await revocations.revokeUser("somebody"); // Those that nobody needs any more go.
    const { clock: same, leewayMs } = revocations;
    return new Revocations(store, same, store.all(), leewayMs).isRevoked(
      makePrincipal({ userId: "bob", tokenId: "t1" }),
    );
  };
  clock.advance(1_000 + LEEWAY_MS - 1);
  expect(await isRevokedAfterRestart()).toBe(true);
  clock.advance(1);
  expect(await isRevokedAfterRestart()).toBe(false);
});
