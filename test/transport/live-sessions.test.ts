import { expect, test } from "bun:test";
import { Session } from "../../src/session/session.ts";
import { testDoor } from "../support/admission.ts";
import { FakeConnection, sessionHarness } from "../support/session-harness.ts";

function setUp(random: () => number) {
  const harness = sessionHarness();
  const { clock } = harness;
  const { sessions: live } = testDoor(clock, { random });
  const connect = (userId: string, subscribes: boolean) => {
    const { connection, session } = harness.connect(userId);
    session.onClosed(() => live.remove(session));
    live.add(session);
    if (subscribes) session.receive("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    return connection;
  };
  return { ...harness, live, connect };
}

test("each client of a server that stops is told another time to come back", async () => {
  const shares = [0, 0.5, 0.999];
  const { live, connect } = setUp(() => shares.shift() ?? 0);
  const connections = ["a", "b", "c"].map((userId) => connect(userId, true));
  await live.stop();
  const told = connections.map((connection) => JSON.parse(connection.last().text()));
  expect(told).toMatchObject([
    { code: "SHUTTING_DOWN", destination: "", retryAfterMs: 0 },
    { code: "SHUTTING_DOWN", destination: "", retryAfterMs: 2_500 },
    { code: "SHUTTING_DOWN", destination: "", retryAfterMs: 4_995 },
  ]);
  expect(connections.map(({ closedWith }) => closedWith)).toEqual([
    [1001, "The server is stopping; reconnect in 0 ms"],
    [1001, "The server is stopping; reconnect in 2500 ms"],
    [1001, "The server is stopping; reconnect in 4995 ms"],
  ]);
  expect(live.count).toBe(0);
});

test("a client that does not listen to its errors is told by the close alone", async () => {
  const { live, connect } = setUp(() => 0.2);
  const connection = connect("a", false);
  await live.stop();
  expect(connection.commands()).toEqual(["CONNECTED"]);
  expect(connection.closedWith).toEqual([1001, "The server is stopping; reconnect in 1000 ms"]);
});

test("while it drains, those that are there go on and new ones are refused", () => {
  const { live, connect, environment, engine } = setUp(() => 0.2);
  const connection = connect("a", false);
  live.drain();
  expect(live.isDraining).toBe(true);
  expect(connection.closedWith).toBeNull();
  const late = new FakeConnection(engine);
  live.add(new Session(late, environment));
  expect(late.last().header("code")).toBe("SHUTTING_DOWN");
  expect(late.last().header("retry-after-ms")).toBe("1000");
});

test("many connections are closed some at a time", async () => {
  const { live, connect } = setUp(() => 0.2);
  for (let n = 0; n < 600; n += 1) connect(`user-${n}`, false);
  const counts: number[] = [];
  const stopped = live.stop();
  for (let turn = 0; turn < 3; turn += 1) {
    counts.push(live.count);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await stopped;
  expect(counts[0]).toBe(350);
  expect(live.count).toBe(0);
});

/** Their transports are open, and they say nothing. */
function open({ live, environment, engine }: ReturnType<typeof setUp>, count: number): Session[] {
  return Array.from({ length: count }, () => {
    const session = new Session(new FakeConnection(engine), environment);
    session.onClosed(() => live.remove(session));
    live.add(session);
    return session;
  });
}

const PART_MS = 1_000 / 8;

test("those whose time is over together are closed an eighth of them at a time", () => {
  const harness = setUp(() => 0);
  const { live, clock, environment } = harness;
  open(harness, 800);
  clock.advance(environment.limits.connectMs - 1);
  expect(live.count).toBe(800);
  const closed: number[] = [];
  for (let part = 0; part < 16; part += 1) {
    const before = live.count;
    clock.advance(PART_MS);
    closed.push(before - live.count);
  }
  expect(Math.max(...closed)).toBe(100);
  expect(live.count).toBe(0);
});

test("many who come and go keep nobody from being held to the time limits", () => {
  const harness = setUp(() => 0);
  const { live, clock, environment } = harness;
  open(harness, 1);
  const passing: Session[][] = [];
  const parts = (environment.limits.connectMs + 2_000) / PART_MS;
  for (let part = 0; part < parts; part += 1) {
    passing.push(open(harness, 10));
    if (passing.length > 4) for (const session of passing.shift() ?? []) session.closed();
    clock.advance(PART_MS);
  }
  expect(live.count).toBe(4 * 10);
});

/** One of three holds more than all may; `looks` says when it is ended, if it is. */
function greedy(memoryBytes: () => number) {
  const harness = sessionHarness();
  const { sessions: live } = testDoor(harness.clock, { bufferedBytes: 16_000, memoryBytes });
  const connections = [0, 0, 0].map(() => {
    const { connection, session } = harness.connect();
    live.add(session);
    return connection;
  });
  const fill = () => {
    for (const connection of connections.slice(0, 1)) connection.buffered = 20_000;
  };
  const terminatedAfter = (seconds: number) => {
    harness.clock.advance(1_000 * seconds);
    return connections.map(({ isTerminated }) => isTerminated);
  };
  return { fill, terminatedAfter };
}

test("what all hold is looked at within a second when memory has grown", () => {
  let bytes = 100_000;
  const { fill, terminatedAfter } = greedy(() => bytes);
  expect(terminatedAfter(1)).toEqual([false, false, false]);
  fill();
  bytes += 1_001;
  expect(terminatedAfter(1)).toEqual([true, false, false]);
});

test("growth in small steps is growth, and what was let go of meanwhile does not hide it", () => {
  let bytes = 100_000;
  const { fill, terminatedAfter } = greedy(() => bytes);
  expect(terminatedAfter(1)).toEqual([false, false, false]);
  fill();
  bytes -= 50_000;
  expect(terminatedAfter(1)).toEqual([false, false, false]);
  bytes += 600;
  expect(terminatedAfter(1)).toEqual([false, false, false]);
  bytes += 600;
  expect(terminatedAfter(1)).toEqual([true, false, false]);
});

test("while memory does not grow it is looked at too, but seldom: to ask each one costs most", () => {
  const { fill, terminatedAfter } = greedy(() => 100_000);
  expect(terminatedAfter(1)).toEqual([false, false, false]);
  fill();
  expect(terminatedAfter(8)).toEqual([false, false, false]);
  expect(terminatedAfter(2)).toEqual([true, false, false]);
});
