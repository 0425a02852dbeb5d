import type { IdleMeasurement, Latency, LoadMeasurement } from "../../bench/measurement.ts";
import { noFaults } from "../../bench/measurement.ts";
import { newReport, type Report, type Result, type Sample } from "../../bench/report-file.ts";

/** A run without anything measured. */
export function emptyReport(parts: Partial<Report> = {}): Report {
  return newReport({
    machine: {
      ...{ cores: 2, cpu: "a CPU", kernel: "Linux 6", bun: "1.4.5", tcp: "bbr" },
      ...{ commit: "abc", date: "2026-01-02T03:04:05.000Z", busyShare: 0 },
    },
    ...{ fileSystem: "ext4", pinned: true, quick: false, flags: "" },
    ...{ micro: [], load: [], ratios: [], notices: [], nodes: null, peers: null },
    ...parts,
  });
}

export function latency(name: string, ms: Partial<Latency> = {}): Latency {
  return { name, count: 1, p50Ms: 1, p99Ms: 2, p999Ms: 3, p9999Ms: 4, maxMs: 5, ...ms };
}

/** A second of the server's time. */
export function load(name: string, parts: Partial<LoadMeasurement> = {}): LoadMeasurement {
  return {
    ...{ kind: "load", name, seconds: 2, messages: 1_000, deliveries: 1_000, latencies: [] },
    ...{ serverCpuSeconds: 1, serverRssBytes: 2 ** 20, clientCpuSeconds: 1 },
    ...parts,
  };
}

export function idle(connections: number, kibEach: number): IdleMeasurement {
  return {
    ...{ kind: "idle", name: `idle, ${connections} connections`, connections },
    ...{ rssBytesBefore: 2 ** 26, rssBytesAfter: 2 ** 26 + connections * kibEach * 1_024 },
    ...{ connectSeconds: 1, connectCpuSeconds: 1, idleSeconds: 10, idleCpuSeconds: 0.1 },
    ...{ heartbeats: connections, lateHeartbeats: 0 },
  };
}

export function result(...measurements: Result["measurements"]): Result {
  return { scenario: { scenario: "chat" }, complaints: [], faults: noFaults(), measurements };
}

/** A round each, of as many deliveries a CPU-second. */
export function rounds(server: Sample["server"], name: string, rates: readonly number[]): Sample[] {
  return rates.map((deliveries, index) => ({
    ...result(load(name, { deliveries })),
    ...{ server, round: index + 1 },
  }));
}
