/** What users need: `bun bench/capacity.ts --users 50000 --messages 40`; see docs/capacity.md. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UNITS, USUAL, type Workload } from "./capacity/assumptions.ts";
import { bottlenecksOf } from "./capacity/bottlenecks.ts";
import { costsOf } from "./capacity/costs.ts";
import { parseCapacityReport } from "./capacity/report.ts";
import { bottleneckRows, needsRows } from "./capacity/tables.ts";
import { ROOT } from "./machine.ts";
import { renderTable } from "./table.ts";

const GROUPS = USUAL.mix.filter(({ members }) => members !== 2);
const GROUPS_SHARE = GROUPS.reduce((all, { share }) => all + share, 0);

const { values } = parseArgs({
  options: {
    users: { type: "string", default: String(USUAL.users) },
    messages: { type: "string", default: String(USUAL.messagesPerUserDay) },
    visits: { type: "string", default: String(USUAL.visitsPerUserDay) },
    peak: { type: "string", default: String(USUAL.peakFactor) },
    "per-node": { type: "string", default: String(USUAL.usersPerNode) },
    /** Of all messages; sizes of groups are as usual among them. */
    groups: { type: "string", default: String(GROUPS_SHARE) },
    /** Of each message. */
    readings: { type: "string", default: String(USUAL.readingsPerMessage) },
    days: { type: "string", default: String(USUAL.keptDays) },
  },
});
const file = Bun.file(join(ROOT, "docs/nodes.json"));
const { nodes } = parseCapacityReport(await file.text(), "docs/nodes.json");
const groups = Number(values.groups);
const load: Workload = {
  users: Number(values.users),
  messagesPerUserDay: Number(values.messages),
  visitsPerUserDay: Number(values.visits),
  peakFactor: Number(values.peak),
  usersPerNode: Number(values["per-node"]),
  readingsPerMessage: Number(values.readings),
  keptDays: Number(values.days),
  mix: [
    { members: 2, share: 1 - groups },
    ...GROUPS.map(({ members, share }) => ({ members, share: (share / GROUPS_SHARE) * groups })),
  ],
};
const costs = costsOf(nodes);
for (const rows of [needsRows(costs, [load]), bottleneckRows(bottlenecksOf(costs, load, UNITS))]) {
  const [head = [], ...body] = rows;
  console.log(`\n${renderTable(head, body)}`);
}
