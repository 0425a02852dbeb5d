import { expect, test } from "bun:test";
import type { ChildEvents } from "../../src/cli/context.ts";
import { Supervisor } from "../../src/cli/supervisor.ts";
import type { ProcessPlace } from "../../src/process-place.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { RecordedLog } from "../support/recorded-log.ts";

const RESTART_MS = 10_000;
const KILLED = { exitCode: null, signal: "SIGKILL" };
const REFUSED = { exitCode: 1, signal: null };
const ADDRESSES = {
  ...{ url: "http://127.0.0.1:4711", tcpUrl: undefined, redirectUrl: undefined },
  ports: { web: 4711, tcp: null, redirect: null },
};

interface Started extends ChildEvents {
  readonly place: ProcessPlace;
  readonly stops: string[];
  kills: number;
}

/** A supervisor whose processes do what the test says. `random` at its highest gives whole pauses. */
function supervisor(count: number) {
  const clock = new FakeClock();
  const log = new RecordedLog();
  const started: Started[] = [];
  const refusals: Error[] = [];
  const made = new Supervisor({
    ...{ count, clock, log, restartMs: RESTART_MS, random: () => 1 },
    placeOf: (number, ports) => ({ number, count, nodeId: `n-${number}`, folder: "/x", ports }),
    children: {
      start(place, events) {
        const refusal = refusals.pop();
        if (refusal !== undefined) throw refusal;
        const child: Started = { ...events, place, stops: [], kills: 0 };
        started.push(child);
        return {
          pid: 100 + started.length,
          stop: (reason) => child.stops.push(reason),
          kill: () => {
            child.kills += 1;
          },
        };
      },
    },
  });
  const at = (index: number): Started => {
    const child = started.at(index);
    if (child === undefined) throw new TypeError("no such process");
    return child;
  };
  const up = async () => {
    const ready = made.start();
    for (let index = 0; index < count; index += 1) at(index).ready(ADDRESSES);
    return await ready;
  };
  return { supervisor: made, clock, log, started, refusals, at, up };
}

test("the first process finds the ports, and the others get them", async () => {
  const { supervisor: made, started, at } = supervisor(3);
  const ready = made.start();
  expect(started.map(({ place }) => [place.number, place.ports])).toEqual([[1, null]]);
  at(0).ready(ADDRESSES);
  expect(started.map(({ place }) => place.number)).toEqual([1, 2, 3]);
  expect(started.slice(1).map(({ place }) => place.ports)).toEqual([
    ...[ADDRESSES.ports, ADDRESSES.ports],
  ]);
  at(1).ready(ADDRESSES);
  at(2).ready(ADDRESSES);
  expect(await ready).toEqual(ADDRESSES);
});

test("a process that ends before all serve ends the start", async () => {
  const { supervisor: made, at, started } = supervisor(2);
  const ready = made.start();
  at(0).ready(ADDRESSES);
  at(1).ended(REFUSED);
  await expect(ready).rejects.toThrow("process 2 of 2 could not start");
  const stopped = made.stop("a process could not start");
  expect(at(0).stops).toEqual(["a process could not start"]);
  at(0).ended({ exitCode: 0, signal: null });
  expect(await stopped).toBe(true);
  expect(started.length).toBe(2);
});

test("pauses before a restart double up to the longest; a process that has served long begins anew", async () => {
  const { clock, started, at, up } = supervisor(2);
  await up();
  for (const pauseMs of [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]) {
    const before = started.length;
    at(-1).ended(KILLED);
    clock.advance(pauseMs - 1);
    expect(started.length).toBe(before);
    clock.advance(1);
    expect(started.length).toBe(before + 1);
    expect(at(-1).place).toMatchObject({ number: 2, ports: ADDRESSES.ports });
    at(-1).ready(ADDRESSES);
  }
  clock.advance(RESTART_MS + 1);
  at(-1).ended(KILLED);
  const before = started.length;
  clock.advance(100);
  expect(started.length).toBe(before + 1);
});

test("a process that the system does not start is tried again like one that ends", async () => {
  const { supervisor: made, clock, started, refusals, at, up } = supervisor(2);
  await up();
  refusals.push(new Error("EAGAIN"));
  at(1).ended(KILLED);
  clock.advance(200);
  expect(started.length).toBe(2);
  clock.advance(400);
  expect(at(2).place.number).toBe(2);
  const alone = supervisor(1);
  alone.refusals.push(new Error("EAGAIN"));
  await expect(alone.supervisor.start()).rejects.toThrow("process 1 of 1 could not start");
  expect(await alone.supervisor.stop("it could not start")).toBe(true);
  made.kill();
});

test("it goes on trying as long as another process serves, and then gives up", async () => {
  const { supervisor: made, clock, at, started, up, log } = supervisor(2);
  await up();
  let hasFailed = false;
  const failed = made.failed.then(() => {
    hasFailed = true;
  });
  at(1).ended(REFUSED);
  for (let count = 0; count < 20; count += 1) {
    clock.advance(RESTART_MS);
    at(-1).ended(REFUSED);
  }
  await Promise.resolve();
  expect(hasFailed).toBe(false);
  at(0).ended(KILLED);
  // From here on both fail, each after its own pauses.
  const seen = new Set(started);
  while (log.texts.at(-1) !== "error: No process of the server can start any more") {
    clock.advance(100);
    for (const child of started) {
      if (seen.has(child)) continue;
      seen.add(child);
      child.ended(REFUSED);
    }
  }
  await failed;
  expect(started.filter(({ place }) => place.number === 1).length).toBe(1 + 5);
});

test("stopped, it asks all, starts none again, and says whether all went in order", async () => {
  const { supervisor: made, clock, at, started, up } = supervisor(3);
  await up();
  at(2).ended(KILLED);
  const stopped = made.stop("SIGTERM");
  expect([at(0).stops, at(1).stops, at(2).stops]).toEqual([["SIGTERM"], ["SIGTERM"], []]);
  at(0).ended({ exitCode: 0, signal: null });
  at(1).ended(KILLED);
  clock.advance(RESTART_MS);
  expect(await stopped).toBe(false);
  expect(started.length).toBe(3);
  made.kill();
  expect([at(0).kills, at(1).kills]).toEqual([0, 0]);
});

test("killed, all processes are", async () => {
  const { supervisor: made, at, up } = supervisor(2);
  await up();
  made.kill();
  expect([at(0).kills, at(1).kills]).toEqual([1, 1]);
});
