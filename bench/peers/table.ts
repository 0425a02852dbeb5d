import { noPeerFaults, type PeerIdle, type PeerLoad } from "../load/dialects/work.ts";
import type { PeerSample } from "./run.ts";

interface LoadColumn {
  readonly title: string;
  readonly work: PeerLoad["work"];
  readonly receivers: number;
  readonly inFlight: number;
}

const LOADS: readonly LoadColumn[] = [
  { title: "1 → 100, W=64", work: "fan-out", receivers: 100, inFlight: 64 },
  { title: "1 → 100, W=1", work: "fan-out", receivers: 100, inFlight: 1 },
  { title: "1 → 1,000, W=64", work: "fan-out", receivers: 1_000, inFlight: 64 },
  { title: "1:1, W=256", work: "one-to-one", receivers: 1_000, inFlight: 256 },
];

const COLUMNS = [
  ...["deliveries per server CPU-second", "version", ...LOADS.map(({ title }) => title)],
  ...["1:1, p50 ms", "KiB per idle connection", "lost", "doubled", "out of order", "cut off"],
];

const KIB = 1_024;

/** Markdown: medians over the rounds, faults summed, and who was left out and why. */
export function renderPeers(samples: readonly PeerSample[]): string {
  const names = [...new Set(samples.map(({ peer }) => peer))];
  const present = names.filter((name) =>
    ofPeer(samples, name).some(({ absence }) => absence === null),
  );
  const rows = present.map((name) => rowOf(name, ofPeer(samples, name)));
  const rule = COLUMNS.map((_, at) => (at < 2 ? "---" : "---:"));
  const table = [COLUMNS, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [...table, "", ...remarks(samples)].join("\n").trimEnd();
}

function rowOf(name: string, samples: readonly PeerSample[]): string[] {
  const results = samples.flatMap((sample) => sample.results);
  const measurements = results.flatMap((result) => result.measurements);
  const loads = LOADS.map((column) => {
    const rates = measurements
      .filter((each) => each.kind === "load")
      .filter((each) => isOf(each, column))
      .map(({ deliveries, serverCpuSeconds }) => deliveries / serverCpuSeconds);
    return rates.length === 0 ? "–" : Math.round(median(rates)).toLocaleString("en");
  });
  const waits = measurements
    .filter((each) => each.kind === "load")
    .filter((each) => each.work === "one-to-one")
    .map(({ p50Ms }) => p50Ms);
  const sizes = measurements.filter((each) => each.kind === "idle").map(kibOf);
  const faults = noPeerFaults();
  for (const result of results) {
    for (const kind of ["lost", "doubled", "disordered", "disconnected"] as const)
      faults[kind] += result.faults[kind];
  }
  const { lost, doubled, disordered, disconnected } = faults;
  return [
    ...[name, samples.find(({ version }) => version !== null)?.version ?? "?", ...loads],
    waits.length === 0 ? "–" : median(waits).toFixed(1),
    sizes.length === 0 ? "–" : median(sizes).toFixed(1),
    ...[lost, doubled, disordered, disconnected].map((count) => count.toLocaleString("en")),
  ];
}

function remarks(samples: readonly PeerSample[]): string[] {
  const lines = samples.flatMap(({ peer, absence, failures }) => [
    ...(absence === null ? [] : [`- ${peer} is left out: ${absence}`]),
    ...failures.map((failure) => `- ${peer} did not finish ${failure}`),
  ]);
  return [...new Set(lines)];
}

function ofPeer(samples: readonly PeerSample[], name: string): PeerSample[] {
  return samples.filter(({ peer }) => peer === name);
}

function isOf(load: PeerLoad, { work, receivers, inFlight }: LoadColumn): boolean {
  return load.work === work && load.receivers === receivers && load.inFlight === inFlight;
}

function kibOf({ rssBytesBefore, rssBytesAfter, connections }: PeerIdle): number {
  return (rssBytesAfter - rssBytesBefore) / connections / KIB;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? Number.NaN;
  const high = sorted[Math.ceil(middle)] ?? Number.NaN;
  return (low + high) / 2;
}
