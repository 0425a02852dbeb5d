import { expect, test } from "bun:test";
import { noPeerFaults, type PeerLoad, type PeerWork } from "../../bench/load/dialects/work.ts";
import type { PeerSample } from "../../bench/peers/run.ts";
import { renderPeers } from "../../bench/peers/table.ts";

const LOAD: PeerLoad = {
  kind: "load",
  work: "fan-out",
  receivers: 100,
  inFlight: 64,
  seconds: 1,
  messages: 1_000,
  deliveries: 100_000,
  p50Ms: 1,
  p99Ms: 2,
  serverCpuSeconds: 0.5,
  serverRssBytes: 1,
  clientCpuSeconds: 0.5,
};

const TIMES = { warmUpSeconds: 1, seconds: 1 };

function sample(round: number, serverCpuSeconds: number): PeerSample {
  const work: PeerWork = { work: "fan-out", receivers: 100, windows: [64], ...TIMES };
  return {
    ...{ peer: "nats", round, version: "2.15.2", absence: null, failures: [] },
    results: [
      {
        work,
        measurements: [{ ...LOAD, serverCpuSeconds }],
        faults: { ...noPeerFaults(), lost: 1 },
      },
    ],
  };
}

function cellsOf(table: string, peer: string): string[] {
  const row = table.split("\n").find((line) => line.startsWith(`| ${peer} |`)) ?? "";
  return row.split("|").map((cell) => cell.trim());
}

test("rates are medians over the rounds, faults are sums", () => {
  const cells = cellsOf(renderPeers([sample(1, 0.5), sample(2, 0.1), sample(3, 0.4)]), "nats");
  expect(cells[2]).toBe("2.15.2");
  expect(cells[3]).toBe("250,000");
  expect(cells.slice(9, 13)).toEqual(["3", "0", "0", "0"]);
});

test("what was not measured has no figure", () => {
  expect(cellsOf(renderPeers([sample(1, 0.5)]), "nats").slice(4, 9)).toEqual(Array(5).fill("–"));
});

test("memory is what a connection adds", () => {
  const idle = {
    kind: "idle",
    connections: 1_000,
    rssBytesBefore: 0,
    rssBytesAfter: 3_072_000,
  } as const;
  const work = { work: "idle", connections: 1_000, warmUpConnections: 1 } as const;
  const results = [{ work, measurements: [idle], faults: noPeerFaults() }];
  expect(cellsOf(renderPeers([{ ...sample(1, 1), results }]), "nats")[8]).toBe("3.0");
});

test("who is left out has a reason and no row", () => {
  const absent = { ...sample(1, 1), peer: "spring", version: null, results: [], absence: "no mvn" };
  const table = renderPeers([sample(1, 1), absent]);
  expect(table).toContain("- spring is left out: no mvn");
  expect(table).not.toContain("| spring |");
});

test("work that was not finished is named", () => {
  const failing = { ...sample(1, 1), failures: ["idle: it ended"] };
  expect(renderPeers([failing])).toContain("- nats did not finish idle: it ended");
});
