/** What users need: `bun bench/capacity.ts --users 50000 --messages 40`; see docs/capacity.md. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { USUAL } from "./capacity/needs.ts";
import { needsRows } from "./capacity/page.ts";
import { ROOT } from "./machine.ts";
import { nodesReportSchema } from "./nodes/samples.ts";
import { renderTable } from "./table.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: String(USUAL.users) },
    messages: { type: "string", default: String(USUAL.messagesPerUserDay) },
    visits: { type: "string", default: String(USUAL.visitsPerUserDay) },
    peak: { type: "string", default: String(USUAL.peakFactor) },
    "per-node": { type: "string", default: String(USUAL.usersPerNode) },
  },
});
const report = nodesReportSchema.parse(await Bun.file(join(ROOT, "docs/nodes.json")).json());
const load = {
  users: Number(values.users),
  messagesPerUserDay: Number(values.messages),
  visitsPerUserDay: Number(values.visits),
  peakFactor: Number(values.peak),
  usersPerNode: Number(values["per-node"]),
};
const [head = [], ...rows] = needsRows(report, [load]);
console.log(renderTable(head, rows));
