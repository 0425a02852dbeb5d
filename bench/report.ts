import { brokenPromises } from "./measurement.ts";
import { nameOf } from "./nodes/figures.ts";
import type { Report, Result } from "./report-file.ts";
import { percent, sectionsOf } from "./sections.ts";
import { renderTable } from "./table.ts";

/** Above this the report says that the machine was not free. */
const MOST_BUSY_SHARE = 0.1;

/** Nothing was lost, doubled, disordered or cut off. */
export function isCorrect(report: Report): boolean {
  return allResults(report).every(({ faults }) => brokenPromises(faults) === 0);
}

/** For a terminal. */
export function renderReport(report: Report): string {
  const tables = sectionsOf(report).map(({ columns, rows }) => renderTable(columns, rows));
  return [headOf(report).join("\n"), ...tables, verdictOf(report).join("\n")].join("\n\n");
}

/** Where and of what the figures are. */
export function headOf({ machine, fileSystem, pinned, quick }: Report): string[] {
  const { cores, cpu, kernel, tcp, bun, commit, date, busyShare } = machine;
  const pinning = pinned ? "server and client on a core each" : "server and client not pinned";
  const lines = [
    `Parley ${commit}, ${date}${quick ? ", --quick" : ""}`,
    `${cpu}, ${cores} cores, ${kernel}, Bun ${bun}; loopback (TCP ${tcp}), ${pinning}; data on ${fileSystem}`,
  ];
  if (busyShare <= MOST_BUSY_SHARE) return lines;
  const busy = `Other programs used ${percent(busyShare)} of the CPU before the run`;
  return [...lines, `${busy}: all figures suffer from it.`];
}

/** What went wrong, or that nothing did. */
export function verdictOf(report: Report): string[] {
  const lines: string[] = [];
  for (const { scenario, faults, complaints } of allResults(report)) {
    if (complaints.length > 0) {
      lines.push(`${scenario.scenario}: the server complained ${complaints.length} times:`);
      lines.push(...complaints.slice(0, 3).map((line) => `  ${line}`));
    }
    const { refused, ...broken } = faults;
    if (refused > 0) {
      const count = refused.toLocaleString("en");
      lines.push(`${JSON.stringify(scenario)}: too much for this machine now, ${count} refused`);
    }
    if (brokenPromises(faults) === 0) continue;
    const found = Object.entries(broken).filter(([, count]) => count > 0);
    const text = found.map(([fault, count]) => `${count} ${fault}`).join(", ");
    lines.push(`FAILED ${scenario.scenario}: ${text}`);
  }
  if (isCorrect(report)) lines.push("Nothing lost, doubled, out of order or cut off.");
  return lines;
}

function allResults({
  load,
  ratios,
  notices,
  nodes,
}: Report): Pick<Result, "scenario" | "faults" | "complaints">[] {
  const ofNodes = (nodes?.samples ?? []).map(({ faults, complaints, ...sample }) => ({
    ...{ scenario: { scenario: nameOf(sample) }, faults, complaints },
  }));
  return [...load, ...ratios, ...notices, ...ofNodes];
}
