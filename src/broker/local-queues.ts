import type { Consumer, QueueClient, Transaction, WorkQueues } from "./queue-client.ts";
import type { QueueReceiver } from "./queue-consumer.ts";
import type { Settled } from "./queue-journal.ts";
import type { QueueMessage } from "./queue-message.ts";
import { QueueTransaction } from "./queue-transaction.ts";
import type { Queues } from "./queues.ts";

/** The work queues that this node keeps. Nothing of them is a connection's own. */
export class LocalQueues implements WorkQueues, QueueClient {
  readonly #queues: Queues;

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  open(): QueueClient {
    return this;
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

  begin(): Transaction {
    return new QueueTransaction(this.#queues);
  }

  settled(callback: Settled): void {
    this.#queues.journal.settled(callback);
  }

  async close(): Promise<void> {}
}
