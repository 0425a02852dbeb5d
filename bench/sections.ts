import { Figures, kibOfConnection } from "./figures.ts";
import type { IdleMeasurement, LoadMeasurement, MicroResult } from "./measurement.ts";
import { NODES_COLUMNS, nodesRows } from "./nodes/table.ts";
import { NOTICE_COLUMNS, noticeRows } from "./notices/table.ts";
import { PEER_COLUMNS, peerRows } from "./peer-samples.ts";
import { RATIO_COLUMNS, ratioRows } from "./ratio-table.ts";
import type { Report } from "./report-file.ts";
import { TARGET_COLUMNS, targetRows } from "./targets.ts";

/** One table of the report. */
export interface Section {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Those that have something to tell. */
export function sectionsOf(report: Report): Section[] {
  const figures = new Figures(report);
  const measurements = report.load.flatMap((result) => result.measurements);
  const loads = measurements.filter((each) => each.kind === "load");
  const isMeasured = report.load.length + report.ratios.length > 0;
  return [
    {
      title: "In process",
      columns: ["in process", "µs", "p99 µs", "ns a subscriber"],
      rows: report.micro.map(microRow),
    },
    {
      title: "Under load",
      columns: [
        ...["scenario", "milliseconds", "p50", "p99", "p99.9", "max"],
        ...["msg/s", "deliv./s", "msg/CPU-s", "deliv./CPU-s"],
        ...["server CPU", "client CPU", "server MiB"],
      ],
      rows: loads.flatMap(loadRows),
    },
    {
      title: "Idle connections",
      columns: [
        ...["scenario", "KiB RSS a connection", "server MiB before", "after"],
        ...["CONNECTs/s", "CONNECTs/CPU-s", "idle CPU", "heart-beats/s", "late"],
      ],
      rows: figures.idles().map(idleRow),
    },
    { title: "Beside the bare engine", columns: RATIO_COLUMNS, rows: ratioRows(figures) },
    {
      title: "Beside what tells users who are not there",
      columns: NOTICE_COLUMNS,
      rows: noticeRows(report.notices),
    },
    {
      title: "Several nodes",
      columns: NODES_COLUMNS,
      rows: report.nodes === null ? [] : nodesRows(report.nodes),
    },
    ...peerSections(report),
    {
      title: "Targets",
      columns: TARGET_COLUMNS,
      rows: isMeasured ? targetRows(figures) : [],
    },
  ].filter(({ rows }) => rows.length > 0);
}

function peerSections({ peers }: Report): Section[] {
  if (peers === null) return [];
  const { machine, quick, samples } = peers;
  const rounds = new Set(samples.map(({ round }) => round)).size;
  const when = `${machine.commit}, ${machine.date.slice(0, 10)}, rounds: ${rounds}`;
  const title = `Beside other servers (${when}${quick ? ", --quick" : ""})`;
  return [{ title, columns: PEER_COLUMNS, rows: peerRows(peers) }];
}

function microRow({ name, averageNs, p99Ns, subscribers }: MicroResult): string[] {
  return [
    name,
    (averageNs / 1_000).toFixed(2),
    (p99Ns / 1_000).toFixed(2),
    (averageNs / subscribers).toFixed(0),
  ];
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

function idleRow(idle: IdleMeasurement): string[] {
  return [
    idle.name,
    kibOfConnection(idle).toFixed(1),
    (idle.rssBytesBefore / 2 ** 20).toFixed(1),
    (idle.rssBytesAfter / 2 ** 20).toFixed(1),
    whole(idle.connections / idle.connectSeconds),
    whole(idle.connections / idle.connectCpuSeconds),
    percent(idle.idleCpuSeconds / idle.idleSeconds),
    whole(idle.heartbeats / idle.idleSeconds),
    String(idle.lateHeartbeats),
  ];
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–";
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
