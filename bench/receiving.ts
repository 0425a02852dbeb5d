/**
 * Polling, long polling, server-sent events and a WebSocket at the same work, one after another on
 * one server, in rounds. See README.md beside this file.
 *
 *     bun bench/receiving.ts [--clients 200] [--rate 400] [--seconds 6] [--rounds 2]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Children } from "./children.ts";
import { type Received, type ReceivingJob, receivedSchema } from "./load/receiving-job.ts";
import { WAYS, type Way } from "./load/receiving-ways.ts";
import { ensureBinary, startServer } from "./load/server-process.ts";
import { pinnedTo } from "./machine.ts";
import { renderTable } from "./table.ts";

const CLIENT = join(import.meta.dir, "load/receiving.ts");
const WARM_UP_SECONDS = 1;
/** What the last one has left behind ends before the next: polls, grace, commits. */
const PAUSE_MS = 500;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "200" },
    rate: { type: "string", default: "400" },
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "2" },
  },
});
const children = new Children();
process.on("SIGINT", () => void children.endAll().then(() => process.exit(130)));

await ensureBinary(children);
const server = await startServer("parley", children);
const results = new Map<Way, Received[]>(WAYS.map((way) => [way, []]));
try {
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const way of WAYS) {
      results.get(way)?.push(await measure(way, round));
      await Bun.sleep(PAUSE_MS);
    }
  }
} finally {
  await server.stop();
}
print();
if (faults() > 0 || server.complaints.length > 0) process.exitCode = 1;

async function measure(way: Way, round: number): Promise<Received> {
  const { port, pid: serverPid } = server;
  const job: ReceivingJob = {
    ...{ port, serverPid, way, round, warmUpSeconds: WARM_UP_SECONDS },
    clients: Number(values.clients),
    messagesPerSecond: Number(values.rate),
    seconds: Number(values.seconds),
  };
  let result: unknown;
  const command = [...pinnedTo("client"), process.execPath, CLIENT, JSON.stringify(job)];
  await children.run(command, {
    onResult: (message) => {
      result = message;
    },
  });
  return receivedSchema.parse(result);
}

/** Messages that were lost, or came twice. */
function faults(): number {
  const all = [...results].filter(([way]) => way !== "nobody listens").flatMap(([, of]) => of);
  return all.reduce((sum, one) => sum + one.messages - one.deliveries + 2 * one.doubled, 0);
}

function print(): void {
  const each = (way: Way, figure: (one: Received) => number, digits: number) =>
    (results.get(way) ?? []).map((one) => figure(one).toFixed(digits)).join(" / ");
  const perMessageUs = ({ serverCpuSeconds, messages }: Received) =>
    (serverCpuSeconds * 1e6) / messages;
  const base = (results.get("nobody listens") ?? []).map(perMessageUs);
  const columns = ["", "p50 ms", "p99 ms", "CPU µs a message", "of it, receiving", "client CPU %"];
  const rows = WAYS.map((way) => {
    const isHeard = way !== "nobody listens";
    const times = (figure: (one: Received) => number) => (isHeard ? each(way, figure, 1) : "");
    const receiving = (results.get(way) ?? []).map((one, at) =>
      (perMessageUs(one) - (base[at] ?? Number.NaN)).toFixed(0),
    );
    return [
      ...[way, times(({ p50Ms }) => p50Ms), times(({ p99Ms }) => p99Ms)],
      ...[each(way, perMessageUs, 0), isHeard ? receiving.join(" / ") : ""],
      each(way, ({ clientCpuShare }) => 100 * clientCpuShare, 0),
    ];
  });
  console.log(`${values.clients} clients, ${values.rate} messages/s to one of them each\n`);
  console.log(renderTable(columns, rows));
  console.log(`\nlost or doubled: ${faults()}`);
  for (const line of server.complaints) console.log(line);
}
