import type { Inbound } from "./carriers/carrier.ts";
import type { FuzzReport } from "./run.ts";

export function renderReport(report: FuzzReport): string {
  const { tally, findings, faults } = report;
  const rows: [string, string | number][] = [
    ["seed", report.seed],
    ["time", `${report.seconds.toFixed(1)} s`],
    ["connections", `${tally.connections}: ${listed(tally.carriers)}`],
    ["bytes sent", `${(tally.bytes / 2 ** 20).toFixed(1)} MiB`],
    ["frames judged", tally.frames],
    ["  accepted, or refused in an answer", tally.accepted],
    ["  well-formed, and the end", tally.refused],
    ["  malformed", tally.malformed],
    ["  left open by the reference", tally.undecided],
    ["frames behind the end, not counted", tally.unread],
    ["breaches of WebSocket, and good-byes", tally.ended],
    ["frames by command", listed(tally.byCommand)],
    ["answers", listed(tally.answers)],
    ["closed with ERROR", listed(tally.errors)],
    ["closed without ERROR", tally.closedWithoutError],
    ["messages of each witness", report.witnessed],
    ["RSS with connections closed, MiB", report.residentMiB.join(" → ")],
    ["faults", findings.length + faults.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return [...table, "", ...faults.map((fault) => `FAULT ${fault}`), ...findings.map(script)]
    .concat(isCorrect(report) ? "The server held." : "The server has faults.")
    .join("\n");
}

export function isCorrect({ findings, faults }: FuzzReport): boolean {
  return findings.length === 0 && faults.length === 0;
}

function listed(counts: Map<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([name, number]) => `${name} ${number}`).join(", ");
}

const SHOWN_BYTES = 3_000;

/** As octets, to be sent again, and as the STOMP that is in them, to be read. */
function script({ index, carrier, fault, script: rounds }: FuzzReport["findings"][number]): string {
  const reader = carrier.reader();
  const lines = rounds.flatMap((pieces, round) => {
    const bytes = Buffer.concat(pieces);
    const hex = bytes.subarray(0, SHOWN_BYTES).toString("hex");
    const read = pieces.flatMap((piece) => reader.fromClient(piece)).map(shown);
    return [
      `  round ${round}, ${bytes.length} octets: ${hex}${bytes.length > SHOWN_BYTES ? "…" : ""}`,
      `  which is ${JSON.stringify(read).slice(0, SHOWN_BYTES)}`,
    ];
  });
  const title = `FAULT ${fault.kind}: ${fault.text} (conversation ${index}, ${carrier.name})`;
  return [title, ...lines].join("\n");
}

function shown(inbound: Inbound): string {
  return inbound.kind === "stomp" ? inbound.bytes.toString() : `(${inbound.kind})`;
}
