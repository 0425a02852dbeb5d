import { expect, test } from "bun:test";
import type { Remote } from "../../src/auth/remote.ts";
import { Session } from "../../src/session/session.ts";
import { type DoorOptions, testDoor } from "../support/admission.ts";
import { LOCAL } from "../support/remote.ts";
import { FakeConnection, sessionHarness } from "../support/session-harness.ts";

const FAR: Remote = { ...LOCAL, peerAddress: "203.0.113.5", address: "203.0.113.5" };
const OTHER: Remote = { ...LOCAL, peerAddress: "203.0.113.6", address: "203.0.113.6" };

function setUp(options: DoorOptions) {
  const harness = sessionHarness();
  const { clock, engine, environment } = harness;
  const door = testDoor(clock, options);
  /** What a transport does. */
  const come = (remote: Remote, buffered = 0) => {
    const refusal = door.admission.refusal(remote);
    if (refusal !== null) return refusal;
    const connection = new FakeConnection(engine);
    connection.remote = remote;
    connection.buffered = buffered;
    const session = new Session(connection, environment);
    session.onClosed(() => door.sessions.remove(session));
    door.sessions.add(session);
    return { connection, session };
  };
  return { ...door, clock, come };
}

const LET_IN = { session: expect.anything() };

test("past the limit in total nobody is let in, until somebody leaves", () => {
  const { admission, come } = setUp({ connections: 2, random: () => 0.5 });
  const first = come(LOCAL);
  expect([come(FAR), come(LOCAL), come(FAR)]).toMatchObject([
    LET_IN,
    { code: "SERVER_FULL", details: { retryAfterMs: 7_500 } },
    { code: "SERVER_FULL" },
  ]);
  expect(admission.isFull).toBe(true);
  if ("session" in first) first.session.closed();
  expect(come(LOCAL)).toMatchObject(LET_IN);
});

test("an address may have so many connections, and others are let in beside it", () => {
  const { come } = setUp({ connectionsPerAddress: 2 });
  const first = come(FAR);
  expect([come(FAR), come(FAR), come(OTHER), come(LOCAL), come(LOCAL), come(LOCAL)]).toMatchObject([
    LET_IN,
    { code: "TOO_MANY_CONNECTIONS", details: { retryAfterMs: 7_500 } },
    ...[LET_IN, LET_IN, LET_IN, LET_IN],
  ]);
  if ("session" in first) first.session.closed();
  expect([come(FAR), come(FAR)]).toMatchObject([LET_IN, { code: "TOO_MANY_CONNECTIONS" }]);
});

test("an address may have so many that have sent no CONNECT; others come and go beside them", () => {
  const { come } = setUp({ strangersPerAddress: 2 });
  const [first] = [come(FAR), come(FAR)];
  expect([come(FAR), come(OTHER)]).toMatchObject([{ code: "TOO_MANY_CONNECTIONS" }, LET_IN]);
  if ("session" in first) first.session.receive("CONNECT\naccept-version:1.2\nlogin:a\n\n\0");
  expect([come(FAR), come(FAR)]).toMatchObject([LET_IN, { code: "TOO_MANY_CONNECTIONS" }]);
});

test("an address may come so often", () => {
  const { clock, come } = setUp({ connectsPerSecond: 4, connectsBurst: 2 });
  expect([come(FAR), come(FAR), come(FAR), come(OTHER)]).toMatchObject([
    ...[LET_IN, LET_IN],
    { code: "RATE_LIMITED", details: { retryAfterMs: 250 } },
    LET_IN,
  ]);
  clock.advance(250);
  expect([come(FAR), come(FAR)]).toMatchObject([LET_IN, { code: "RATE_LIMITED" }]);
});

test("when all connections hold too much the greediest are closed, and nobody is let in meanwhile", () => {
  const { clock, admission, come } = setUp({ bufferedBytes: 1_000 });
  const [modest, greedy, less] = [come(FAR, 200), come(FAR, 600), come(OTHER, 400)];
  clock.advance(1_000);
  const isGone = [modest, greedy, less].map(
    (it) => "connection" in it && it.connection.isTerminated,
  );
  expect(isGone).toEqual([false, true, false]);
  expect(admission.isFull).toBe(true);
  expect(come(FAR)).toMatchObject({ code: "SERVER_FULL" });
  clock.advance(1_000);
  expect(come(FAR)).toMatchObject(LET_IN);
});

test("when the last of them leaves, the server is not full any more", () => {
  const { clock, come, sessions } = setUp({ bufferedBytes: 1_000 });
  come(FAR, 2_000);
  clock.advance(1_000);
  expect(sessions.count).toBe(0);
  expect(come(FAR)).toMatchObject(LET_IN);
});
