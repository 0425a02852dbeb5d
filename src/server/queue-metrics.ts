import { Gauge, type Registry } from "prom-client";
import type { QueueSource } from "../broker/work-queues.ts";

/**
 * How full the work queues are: all together, since clients make as many as they like, and each of
 * those that the operator names. What this node does not know of them is left out.
 */
export function measureQueues(
  queues: QueueSource,
  names: readonly string[],
  registry: Registry,
): void {
  const gauge = (name: string, help: string, labels: string[], read: (gauge: Gauge) => void) =>
    new Gauge({
      ...{ name, help, labelNames: labels, registers: [registry] },
      collect() {
        read(this);
      },
    });
  if (queues.count !== null) {
    gauge("parley_queues", "Work queues.", [], (count) => setKnown(count, {}, queues.count));
  }
  gauge("parley_queue_bytes", "What the messages of work queues take.", [], (bytes) =>
    bytes.set(queues.bytes),
  );
  gauge("parley_queue_consumers", "Subscriptions to work queues.", [], (consumers) => {
    const { living, dead } = queues.depths();
    consumers.set(living.consumers + dead.consumers);
  });
  gauge("parley_queue_messages", "Messages in work queues.", ["state"], (messages) => {
    const { living, dead } = queues.depths();
    setKnown(messages, { state: "waiting" }, living.waiting);
    setKnown(messages, { state: "unacknowledged" }, living.unacknowledged);
    const areDead = dead.waiting === null ? null : dead.waiting + dead.unacknowledged;
    setKnown(messages, { state: "dead" }, areDead);
  });
  if (names.length === 0) return;
  const help = "Messages in each queue of metrics.queues.";
  gauge("parley_named_queue_messages", help, ["queue", "state"], (messages) => {
    for (const queue of names) {
      const { waiting, unacknowledged } = queues.depthOf(queue);
      setKnown(messages, { queue, state: "waiting" }, waiting);
      setKnown(messages, { queue, state: "unacknowledged" }, unacknowledged);
    }
  });
}

function setKnown(gauge: Gauge, labels: Record<string, string>, value: number | null): void {
  if (value !== null) gauge.set(labels, value);
}
