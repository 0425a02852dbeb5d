/**
 * What a message of a work queue costs: sent, delivered to one of the consumers as one payload, and
 * acknowledged; in memory, without sockets.
 *
 *     bun bench/micro/queues.ts
 */
import { bench, group, run } from "mitata";
import type { QueueConsumer, QueueReceiver } from "../../src/broker/queue-consumer.ts";
import { QueueJournal } from "../../src/broker/queue-journal.ts";
import { QueueMessage } from "../../src/broker/queue-message.ts";
import { Queues } from "../../src/broker/queues.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { messageHead } from "../../src/stomp/encoder.ts";
import type { MicroResult } from "../measurement.ts";

const QUEUE = "/queue/jobs";
const HEAD = messageHead("1.2", "sub-0", QUEUE);
const HEADERS = ["content-type", "text/plain"];
const BODY = "x".repeat(128);

let made = 0;
const newId = () => `message-${++made}`;

function queuesOfNode(): Queues {
  const store = {
    commit: () => Promise.resolve(),
    probe: () => Promise.resolve(),
    messages: () => [],
  };
  return new Queues({
    journal: new QueueJournal(store, systemClock, () => {}),
    clock: systemClock,
    newId,
    limits: { queueMessages: 100_000, queueBytes: 1 << 30, queues: 10 },
    maxDeliveries: 0,
    log: silentLog,
  });
}

function send(queues: Queues): void {
  queues.assertRoom(QUEUE);
  const stored = { headers: HEADERS, body: BODY, expiresMs: null, deliveries: 0 };
  queues.send(new QueueMessage({ id: newId(), queue: QUEUE, ...stored }, false));
}

class Consumer implements QueueReceiver {
  readonly hasRoom = true;
  readonly got: QueueMessage[] = [];
  readonly handle: QueueConsumer;
  #characters = 0;

  constructor(queues: Queues, prefetch: number) {
    this.handle = queues.consume(QUEUE, this, prefetch);
    this.handle.resume();
  }

  receive(message: QueueMessage): void {
    const payload = message.outgoing.payload("text", "1.2", `${HEAD}ack:1-${message.id}\n`);
    this.#characters += payload.length;
    this.got.push(message);
  }

  acknowledgeAll(): void {
    if (this.got.length > 0) this.handle.acknowledge(this.got.splice(0));
  }
}

group("send, deliver, acknowledge", () => {
  for (const count of [1, 100, 1_000]) {
    const queues = queuesOfNode();
    const consumers = Array.from({ length: count }, () => new Consumer(queues, 10));
    let next = 0;
    bench(`work queue with ${count} consumers`, () => {
      send(queues);
      consumers[next]?.acknowledgeAll();
      next = (next + 1) % count;
    });
  }
});

group("a consumer leaves 10,000 messages to another", () => {
  const queues = queuesOfNode();
  for (let index = 0; index < 10_000; index += 1) send(queues);
  let holder = new Consumer(queues, 10_000);
  bench("10,000 messages given back and taken", () => {
    const successor = new Consumer(queues, 10_000);
    holder.handle.close();
    holder = successor;
  });
});

const { benchmarks } = await run({ format: process.send === undefined ? "mitata" : "quiet" });
const results: MicroResult[] = benchmarks.flatMap(({ alias, runs }) =>
  runs.flatMap(({ stats }) =>
    stats === undefined
      ? []
      : { name: alias, averageNs: stats.avg, p99Ns: stats.p99, subscribers: 1 },
  ),
);
process.send?.(results);
