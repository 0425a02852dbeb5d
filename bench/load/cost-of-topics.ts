import { countLost, noFaults } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import type { CostWork } from "./cost.ts";
import { after, numberAt } from "./frame-fields.ts";
import type { Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { runOpenLoop } from "./open-loop.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const TOPICS = 1_000;
const SUBSCRIBERS = 100;
const PUBLISHES_PER_SECOND = 4_000;
const BODY = Buffer.from("\n\n");
const PADDING = "x".repeat(119);

/** Publishes to topics by turns, each with a subscriber of its own; as many connections for all. */
export function topicsWork(multiple: number, target: Target): CostWork {
  const topics = TOPICS * multiple;
  const faults = noFaults();
  const times = new Latencies("publish → its subscriber");
  const loop = new BusyLoop();
  let clients: StompClient[] = [];
  let publisher: StompClient | null = null;
  /** By publish. */
  const due: number[] = [];
  let received = 0;
  let progressMs = 0;
  /** By topic, the last number received. */
  const last = new Int32Array(topics).fill(-1);
  const onMessage = (bytes: Buffer, start: number, end: number) => {
    loop.worked();
    progressMs = performance.now();
    received += 1;
    const number = numberAt(bytes, after(bytes, BODY, start, end));
    times.record(progressMs - (due[number] ?? Number.NaN));
    const topic = number % topics;
    const before = last[topic] ?? -1;
    if (number === before) faults.doubled += 1;
    else if (number < before) faults.disordered += 1;
    last[topic] = number;
  };
  const options = { port: target.port, heartBeat: "0,0" };
  return {
    what: `publishes to ${topics.toLocaleString("en")} topics`,
    faults,
    latencies: [times],
    async prepare() {
      clients = await connectMany(SUBSCRIBERS, async (subscriber) => {
        const client = await StompClient.connect({
          ...{ ...options, userId: `subscriber-${subscriber}`, onMessage },
          onLost: countLost(faults, `subscriber-${subscriber}`),
        });
        const own: Record<string, string> = {};
        for (let topic = subscriber; topic < topics; topic += SUBSCRIBERS) {
          own[`sub-${Math.floor(topic / SUBSCRIBERS)}`] = `/topic/cost.${topic}`;
        }
        await client.subscribe(own);
        return client;
      });
      publisher = await StompClient.connect({
        ...{ ...options, userId: "publisher", onMessage: () => {} },
        onLost: countLost(faults, "publisher"),
      });
    },
    async run(seconds) {
      const before = received;
      const { count, ...took } = await runOpenLoop(loop, {
        ...{ perSecond: PUBLISHES_PER_SECOND, seconds },
        send: (dueMs) => {
          const published = due.push(dueMs) - 1;
          const destination = `/topic/cost.${published % topics}`;
          publisher?.send(`SEND\ndestination:${destination}\n\n${published} ${PADDING}\0`);
        },
        isDrained: () => received >= due.length,
        progressMs: () => progressMs,
      });
      faults.lost += Math.max(0, due.length - received);
      const deliveries = received - before;
      received = due.length;
      return { messages: count, deliveries, ...took };
    },
    close() {
      for (const client of clients) client.close();
      publisher?.close();
    },
  };
}
