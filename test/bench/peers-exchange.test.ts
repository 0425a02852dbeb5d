import { afterAll, expect, test } from "bun:test";
import { Children } from "../../bench/children.ts";
import { DIALECTS, type DialectName } from "../../bench/load/dialects/all.ts";
import { runExchange } from "../../bench/load/dialects/exchange.ts";
import { runIdle } from "../../bench/load/dialects/idle.ts";
import { cpuSecondsOfAll, processTree } from "../../bench/load/dialects/process-tree.ts";
import { type LoadWork, noPeerFaults } from "../../bench/load/dialects/work.ts";
import { startServer } from "../../bench/load/server-process.ts";
import { startParley } from "../support/parley-process.ts";

const children = new Children();
const bare = await startServer("bare", children);
const parley = await startParley({ env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });

afterAll(async () => {
  await children.endAll();
  await parley.stop();
});

function exchange(dialect: DialectName, server: { port: number; pid: number }, load: LoadWork) {
  const { port, pid } = server;
  return runExchange(DIALECTS[dialect], load, { dialect, port, serverPids: [pid], work: load });
}

const SHORT = { warmUpSeconds: 0.05, seconds: 0.1 };

for (const [dialect, server] of [
  ["parley", bare],
  ["parley", parley],
  ["long-polling", parley],
] as const) {
  const where = `${dialect} dialect, ${server === bare ? "the bare engine" : "Parley"}`;

  test(`${where}: everyone gets what one publishes`, async () => {
    const load = { work: "fan-out", receivers: 5, windows: [4, 1], ...SHORT } as const;
    const { measurements, faults } = await exchange(dialect, server, { ...load, windows: [4, 1] });
    expect(faults).toEqual(noPeerFaults());
    expect(measurements.map((each) => each.kind === "load" && each.inFlight)).toEqual([4, 1]);
    for (const each of measurements) {
      if (each.kind !== "load") throw new Error("Nothing else was asked for");
      expect(each.messages).toBeGreaterThanOrEqual(each.inFlight);
      expect(each.deliveries).toBe(5 * each.messages);
    }
  });

  test(`${where}: partners get what they write to each other`, async () => {
    const { measurements, faults } = await exchange(dialect, server, {
      ...{ work: "one-to-one", receivers: 6, windows: [8], ...SHORT },
    });
    expect(faults).toEqual(noPeerFaults());
    expect(measurements).toHaveLength(1);
    expect(measurements[0]).toMatchObject({ kind: "load", work: "one-to-one", receivers: 6 });
  });
}

test("history polling: partners find what was written to them, once each", async () => {
  const { measurements, faults } = await exchange("history-polling", parley, {
    ...{ work: "one-to-one", receivers: 4, windows: [8], ...SHORT },
  });
  expect(faults).toEqual(noPeerFaults());
  const [load] = measurements;
  if (load?.kind !== "load") throw new Error("Nothing else was asked for");
  expect(load.deliveries).toBe(load.messages);
  expect(load.messages).toBeGreaterThanOrEqual(8);
});

test("idle connections are subscribed before the server's memory is looked at", async () => {
  const { measurements, faults } = await runIdle(
    DIALECTS.parley,
    { work: "idle", connections: 3, warmUpConnections: 2 },
    {
      ...{ dialect: "parley", port: bare.port, serverPids: [bare.pid] },
      work: { work: "idle", connections: 3, warmUpConnections: 2 },
    },
  );
  expect(faults).toEqual(noPeerFaults());
  expect(measurements[0]).toMatchObject({ kind: "idle", connections: 3 });
});

test("the processes that a server starts are its own", async () => {
  const shell = children.startPiped(["sh", "-c", "tail -f /dev/null & echo $!; wait"]);
  const reader = shell.stdout.getReader();
  const { value } = await reader.read();
  const below = Number(new TextDecoder().decode(value));
  expect(processTree([shell.pid])).toContain(below);
  expect(processTree([below])).toEqual([below]);
  expect(cpuSecondsOfAll([shell.pid])).toBeGreaterThanOrEqual(0);
  process.kill(below);
  await children.end(shell);
});

test("a process that is gone has used nothing", async () => {
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  expect(cpuSecondsOfAll([gone.pid])).toBe(0);
});
