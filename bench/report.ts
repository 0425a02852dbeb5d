import type { ScenarioResult } from "./load/run.ts";
import type { Machine } from "./machine.ts";
import {
  brokenPromises,
  type IdleMeasurement,
  type LoadMeasurement,
  type MicroResult,
} from "./measurement.ts";
import { renderRatios } from "./ratio-table.ts";
import type { RatioSample } from "./ratios.ts";
import { renderTable } from "./table.ts";

/** What users were promised, from send to receipt. */
const TARGET_MS = 100;
/** The measure that the promise is about, and what it is for a topic. */
const TARGET_LATENCIES = ["send → receipt", "publish → each subscriber"];

/** Above this the report says that the machine was not free. */
const MOST_BUSY_SHARE = 0.1;

export interface Report {
  readonly machine: Machine;
  readonly fileSystem: string;
  readonly pinned: boolean;
  readonly quick: boolean;
  readonly micro: readonly MicroResult[];
  readonly load: readonly ScenarioResult[];
  readonly ratios: readonly RatioSample[];
}

/** Nothing was lost, doubled, disordered or cut off. */
export function isCorrect(report: Report): boolean {
  return allResults(report).every(({ faults }) => brokenPromises(faults) === 0);
}

function allResults({ load, ratios }: Report): ScenarioResult[] {
  return [...load, ...ratios];
}

export function renderReport(report: Report): string {
  const sections = [headOf(report)];
  if (report.micro.length > 0) sections.push(microTable(report.micro));
  const measurements = report.load.flatMap((result) => result.measurements);
  const loads = measurements.filter((each) => each.kind === "load");
  const idles = measurements.filter((each) => each.kind === "idle");
  if (loads.length > 0) sections.push(loadTable(loads));
  if (idles.length > 0) sections.push(idleTable(idles));
  if (report.ratios.length > 0) sections.push(renderRatios(report.ratios));
  if (allResults(report).length > 0) sections.push(verdict(report, loads).join("\n"));
  return sections.join("\n\n");
}

function headOf({ machine, fileSystem, pinned, quick }: Report): string {
  const { cores, cpu, kernel, tcp, bun, commit, date, busyShare } = machine;
  const pinning = pinned ? "server and client on a core each" : "server and client not pinned";
  const busy =
    busyShare > MOST_BUSY_SHARE
      ? `\nOther programs used ${percent(busyShare)} of the CPU before the run: all figures suffer from it.`
      : "";
  return [
    `Parley ${commit}, ${date}${quick ? ", --quick" : ""}`,
    `${cpu}, ${cores} cores, ${kernel}, Bun ${bun}; loopback (TCP ${tcp}), ${pinning}; data on ${fileSystem}${busy}`,
  ].join("\n");
}

function microTable(results: readonly MicroResult[]): string {
  const rows = results.map(({ name, averageNs, p99Ns, subscribers }) => [
    name,
    (averageNs / 1_000).toFixed(2),
    (p99Ns / 1_000).toFixed(2),
    (averageNs / subscribers).toFixed(0),
  ]);
  return renderTable(["in process", "µs", "p99 µs", "ns a subscriber"], rows);
}

function loadTable(measurements: readonly LoadMeasurement[]): string {
  const columns = ["scenario", "milliseconds", "p50", "p99", "p99.9", "max"];
  const rates = ["msg/s", "deliv./s", "msg/CPU-s", "deliv./CPU-s"];
  const shares = ["server CPU", "client CPU", "server MiB"];
  return renderTable([...columns, ...rates, ...shares], measurements.flatMap(loadRows));
}

function loadRows(measurement: LoadMeasurement): string[][] {
  const { name, seconds, messages, deliveries, serverCpuSeconds } = measurement;
  const totals = [
    whole(messages / seconds),
    whole(deliveries / seconds),
    whole(messages / serverCpuSeconds),
    whole(deliveries / serverCpuSeconds),
    percent(serverCpuSeconds / seconds),
    percent(measurement.clientCpuSeconds / seconds),
    (measurement.serverRssBytes / 2 ** 20).toFixed(0),
  ];
  return measurement.latencies.map(({ name: what, p50Ms, p99Ms, p999Ms, maxMs }, index) => [
    index === 0 ? name : "",
    what,
    ...[p50Ms, p99Ms, p999Ms, maxMs].map((ms) => ms.toFixed(2)),
    ...(index === 0 ? totals : totals.map(() => "")),
  ]);
}

function idleTable(measurements: readonly IdleMeasurement[]): string {
  const columns = ["scenario", "KiB RSS a connection", "server MiB before", "after"];
  const rates = ["CONNECTs/s", "CONNECTs/CPU-s", "idle CPU", "heart-beats/s"];
  const rows = measurements.map((each) => [
    each.name,
    ((each.rssBytesAfter - each.rssBytesBefore) / each.connections / 1_024).toFixed(1),
    (each.rssBytesBefore / 2 ** 20).toFixed(1),
    (each.rssBytesAfter / 2 ** 20).toFixed(1),
    whole(each.connections / each.connectSeconds),
    whole(each.connections / each.connectCpuSeconds),
    percent(each.idleCpuSeconds / each.idleSeconds),
    whole(each.heartbeats / each.idleSeconds),
  ]);
  return renderTable([...columns, ...rates], rows);
}

function verdict(report: Report, loads: readonly LoadMeasurement[]): string[] {
  const lines = loads.length > 0 ? [`Target: ${TARGET_MS} ms from send to receipt`] : ["Verdict"];
  for (const { name, latencies } of loads) {
    for (const latency of latencies) {
      if (!TARGET_LATENCIES.includes(latency.name)) continue;
      const { p50Ms, p99Ms, p999Ms, maxMs } = latency;
      const parts = Object.entries({ p50: p50Ms, p99: p99Ms, "p99.9": p999Ms, max: maxMs });
      const missed = parts.filter(([, ms]) => ms > TARGET_MS).map(([percentile]) => percentile);
      const judgement = missed.length === 0 ? "met" : `MISSED at ${missed.join(", ")}`;
      const figures = parts.map(([percentile, ms]) => `${percentile} ${ms.toFixed(2)}`);
      lines.push(`  ${name}: ${judgement} (${figures.join(", ")})`);
    }
  }
  for (const { scenario, faults, complaints } of allResults(report)) {
    if (complaints.length > 0) {
      lines.push(`  ${scenario.scenario}: the server complained ${complaints.length} times:`);
      lines.push(...complaints.slice(0, 3).map((line) => `    ${line}`));
    }
    const { refused, ...broken } = faults;
    if (refused > 0) {
      lines.push(`  ${scenario.scenario}: too much for this machine now, ${refused} refused`);
    }
    if (brokenPromises(faults) === 0) continue;
    const found = Object.entries(broken).filter(([, count]) => count > 0);
    const text = found.map(([fault, count]) => `${count} ${fault}`).join(", ");
    lines.push(`  FAILED ${scenario.scenario}: ${text}`);
  }
  if (isCorrect(report)) lines.push("  Nothing lost, doubled, out of order or cut off.");
  return lines;
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–";
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
