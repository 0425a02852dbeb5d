import type { NodesReport } from "../nodes/samples.ts";
import { parseReport, type Report } from "../report-file.ts";

/** A report in which several nodes were measured. */
export type CapacityReport = Report & { readonly nodes: NodesReport };

/** How the run is made of which the page is. */
export const NODES_COMMAND = "npm run bench -- --only nodes --docs";

/**
 * Throws, with what to do, for what is none: a report without several nodes, or one of a version that
 * measured something else. @param path where the text is from
 */
export function parseCapacityReport(text: string, path: string): CapacityReport {
  try {
    const report = parseReport(text, path);
    const { nodes } = report;
    if (nodes === null) throw new Error(`${path} has no run of several nodes`);
    return { ...report, nodes };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${reason}. \`${NODES_COMMAND}\` writes it anew`, { cause });
  }
}

/** What of a run belongs to which page; null where it measured nothing for it. */
export function pagesOf(report: Report): { capacity: CapacityReport | null; rest: Report | null } {
  const { nodes, micro, load, ratios } = report;
  const nothing = { micro: [], load: [], ratios: [], peers: null };
  const isMore = micro.length + load.length + ratios.length > 0;
  return {
    capacity: nodes === null ? null : { ...report, ...nothing, nodes },
    rest: isMore ? { ...report, nodes: null } : null,
  };
}
