import type { Consumer, QueueClient, Transaction } from "./queue-client.ts";
import type { QueueReceiver } from "./queue-consumer.ts";
import type { Settled } from "./queue-journal.ts";
import type { QueueMessage } from "./queue-message.ts";
import type { NodeQueues } from "./work-queues.ts";

/**
 * The queues that this node delivers, as clients use them. Nothing of them is a connection's own: one
 * stands for all.
 */
export class NodeQueueClient implements QueueClient {
  readonly #queues: NodeQueues;

  constructor(queues: NodeQueues) {
    this.#queues = queues;
  }

  get keepsAll(): boolean {
    return this.#queues.keepsAll;
  }

  assertTakes(queue: string): void {
    this.#queues.assertRoom(queue);
  }

  send(message: QueueMessage, settled: Settled): boolean {
    if (message.isPersistent) this.#queues.sendPersistent(message, settled);
    else this.#queues.send(message);
    return message.isPersistent;
  }

  consume(queue: string, receiver: QueueReceiver, prefetch: number, opened: () => void): Consumer {
    const consumer = this.#queues.consume(queue, receiver, prefetch);
    opened();
    return consumer;
  }

  transaction(): Transaction {
    return this.#queues.transaction();
  }

  settled(callback: Settled): void {
    this.#queues.journal.settled(callback);
  }

  close(): void {}
}
