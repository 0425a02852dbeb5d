/**
 * The client of `bench/receiving.ts`, a process of its own: one user writes to many, each of whom
 * listens in the way that is asked for.
 */
import { BusyLoop } from "./busy-loop.ts";
import { Latencies } from "./latencies.ts";
import { runOpenLoop } from "./open-loop.ts";
import { type Received, type ReceivingJob, receivingJobSchema } from "./receiving-job.ts";
import { listen } from "./receiving-ways.ts";
import { cpuSecondsOf } from "./server-usage.ts";
import { StompClient } from "./stomp-client.ts";

process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.

const job = receivingJobSchema.parse(JSON.parse(process.argv[2] ?? "null"));
const outcome = await run(job);
process.send?.(outcome, undefined, undefined, () => process.exit());

async function run(work: ReceivingJob): Promise<Received> {
  const { port, serverPid, way, round, clients, messagesPerSecond } = work;
  const name = `${way.replaceAll(" ", "-")}-${round}`;
  const loop = new BusyLoop();
  const times = new Latencies("due → received");
  const dueMs: number[] = [];
  const isReceived: boolean[] = [];
  let deliveries = 0;
  let doubled = 0;
  let progressMs = performance.now();
  const received = (text: string) => {
    loop.worked();
    progressMs = performance.now();
    for (const [, digits] of text.matchAll(/#(\d+)#/g)) {
      const index = Number(digits);
      if (isReceived[index] === true) doubled += 1;
      isReceived[index] = true;
      deliveries += 1;
      times.record(progressMs - (dueMs[index] ?? Number.NaN));
    }
  };
  const failed = (fault: unknown) => {
    throw fault;
  };
  const listening = await Promise.all(
    Array.from({ length: clients }, (_, index) =>
      listen(way, { port, userId: `${name}-${index}`, onText: received, onFault: failed }),
    ),
  );
  const sender = await StompClient.connect({
    ...{ port, userId: `${name}-sender`, heartBeat: "0,0" },
    onMessage: () => loop.worked(),
    onLost: failed,
  });
  await sender.subscribe({ c: "/user/queue/confirmations" });
  const send = (due: number) => {
    const index = dueMs.length;
    dueMs.push(due);
    const userId = `${name}-${index % clients}`;
    const body = { conversationId: userId, recipientId: userId, content: content(index) };
    sender.send(`SEND\ndestination:/app/chat.send\n\n${JSON.stringify(body)}\0`);
  };
  const phase = (seconds: number) =>
    runOpenLoop(loop, {
      ...{ perSecond: messagesPerSecond, seconds, send },
      isDrained: () => way === "nobody listens" || deliveries === dueMs.length,
      progressMs: () => progressMs,
    });
  await phase(work.warmUpSeconds);
  times.reset();
  deliveries = way === "nobody listens" ? 0 : dueMs.length;
  const before = deliveries;
  const cpuBefore = cpuSecondsOf(serverPid);
  const { count, wallMs, cpuMs } = await phase(work.seconds);
  const serverCpuSeconds = cpuSecondsOf(serverPid) - cpuBefore;
  for (const each of [...listening, sender]) each.close();
  const { p50Ms, p99Ms } = times.summary();
  return {
    ...{ messages: count, deliveries: deliveries - before, doubled, p50Ms, p99Ms },
    ...{ serverCpuSeconds, clientCpuShare: cpuMs / wallMs },
  };
}

function content(index: number): string {
  return `#${index}#`.padEnd(128, ".");
}
