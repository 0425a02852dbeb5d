import type { Clock, Timer } from "../clock.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import { type DeathReason, deadLetterOf, isDeadLetters } from "./dead-letters.ts";
import type { QueueConsumer, QueueReceiver } from "./queue-consumer.ts";
import type { QueueJournal, Settled } from "./queue-journal.ts";
import { QueueMessage } from "./queue-message.ts";
import type { StoredQueueMessage } from "./queue-store.ts";
import { QueueTransaction } from "./queue-transaction.ts";
import { WorkQueue, type WorkQueueContext } from "./work-queue.ts";
import { EMPTY_DEPTH, type QueueDepth, queueFull, sumOf, type WorkQueues } from "./work-queues.ts";

/** Expired messages that nobody asks for go within this time. */
const SWEEP_MS = 10_000;

export interface QueueLimits {
  /** Messages of a queue, delivered and not acknowledged ones too. */
  readonly queueMessages: number;
  /** Of all queues together, in memory. */
  readonly queueBytes: number;
  readonly queues: number;
}

export interface QueuesOptions {
  readonly journal: QueueJournal;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: QueueLimits;
  /** How often a message is delivered before it becomes a dead letter. */
  readonly maxDeliveries: number;
  readonly log: Log;
}

/**
 * The work queues of this node, `/queue/**`. All messages are in memory; persistent ones are in the
 * store as well, and are delivered only once they are there. At least once: a message comes again
 * unless its acknowledgement was taken (and, if persistent, written).
 */
export class Queues implements WorkQueues {
  readonly keepsAll = false;
  readonly journal: QueueJournal;
  readonly #options: QueuesOptions;
  readonly #queues = new Map<string, WorkQueue>();
  #bytes = 0;
  #sweep: Timer | null = null;
  #isStopped = false;

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.journal = options.journal;
  }

  /** What a start finds in the store. Consumers may have had any of it before. */
  load(stored: readonly StoredQueueMessage[]): void {
    for (const message of stored) this.#add(new QueueMessage(message, true, true));
  }

  assertRoom(name: string): void {
    const { limits } = this.#options;
    const queue = this.#queues.get(name);
    if (queue === undefined) this.#assertRoomForQueue();
    else if (queue.length >= limits.queueMessages) {
      throw queueFull(`${name} holds ${limits.queueMessages} messages`);
    }
    if (this.#bytes >= limits.queueBytes) throw queueFull("The queues hold all they may");
  }

  send(message: QueueMessage): void {
    this.#add(message);
  }

  sendPersistent(message: QueueMessage, settled: Settled): void {
    this.addPending(message);
    this.journal.append(message.toStored());
    this.journal.settled((error) => {
      this.settlePending(message, error === null);
      settled(error);
    });
  }

  addPending(message: QueueMessage): void {
    message.isPending = true;
    this.#add(message);
  }

  settlePending(message: QueueMessage, isSent: boolean): void {
    const queue = this.#queues.get(message.queue);
    message.isPending = false;
    if (!isSent) {
      message.isStored = false;
      queue?.drop(message);
    }
    queue?.dispatch();
  }

  consume(name: string, receiver: QueueReceiver, prefetch: number): QueueConsumer {
    if (!this.#queues.has(name)) this.#assertRoomForQueue();
    return this.#queueNamed(name).consume(receiver, prefetch);
  }

  transaction(): QueueTransaction {
    return new QueueTransaction(this);
  }

  get count(): number {
    return this.#queues.size;
  }

  /** Of the messages of all, in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  depthOf(name: string): QueueDepth {
    const queue = this.#queues.get(name);
    return queue === undefined ? EMPTY_DEPTH : depthOf(queue);
  }

  /** Of all queues of living messages, and of all of dead letters: looks at each. */
  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth } {
    let [living, dead] = [EMPTY_DEPTH, EMPTY_DEPTH];
    for (const queue of this.#queues.values()) {
      if (isDeadLetters(queue.name)) dead = sumOf(dead, depthOf(queue));
      else living = sumOf(living, depthOf(queue));
    }
    return { living, dead };
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweep?.cancel();
    this.journal.stop();
  }

  finish(): Promise<void> {
    return this.journal.drained();
  }

  #add(message: QueueMessage): void {
    this.#bytes += message.bytes;
    if (message.expiresMs !== null) this.#startSweeping();
    this.#queueNamed(message.queue).add(message);
  }

  #queueNamed(name: string): WorkQueue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new WorkQueue(name, this.#contextOf(name));
    this.#queues.set(name, queue);
    return queue;
  }

  #contextOf(name: string): WorkQueueContext {
    const isStopped = () => this.#isStopped;
    return {
      now: this.#options.clock.now,
      maxDeliveries: isDeadLetters(name) ? 0 : this.#options.maxDeliveries,
      finished: (message) => this.#finished(message),
      returned: ({ isStored, id, deliveries }) => {
        if (isStored) this.journal.redelivered(id, deliveries);
      },
      dead: (message, reason) => this.#dead(message, reason),
      unused: () => this.#queues.delete(name),
      get isStopped() {
        return isStopped();
      },
    };
  }

  #finished(message: QueueMessage): void {
    this.#bytes -= message.bytes;
    if (message.isStored) this.journal.remove(message.id);
  }

  /** In the store, a dead letter takes the place of its message in one commit. */
  #dead(message: QueueMessage, reason: DeathReason): void {
    const { log, newId, limits } = this.#options;
    const fields = { queue: message.queue, message: message.id, reason };
    if (isDeadLetters(message.queue)) {
      log.warn(fields, "A dead letter was rejected and is no more");
      return;
    }
    const stored = deadLetterOf(message, reason, newId());
    log.warn({ ...fields, deadLetters: stored.queue }, "A message is dead");
    const letters = this.#queueNamed(stored.queue);
    if (letters.length >= limits.queueMessages) {
      log.warn({ queue: stored.queue }, "The oldest dead letter makes room");
      letters.dropOldest();
    }
    if (message.isStored) this.journal.replace(message.id, stored);
    this.#add(new QueueMessage(stored, message.isStored));
    message.isStored = false;
  }

  #assertRoomForQueue(): void {
    const { queues } = this.#options.limits;
    if (this.#queues.size >= queues) throw queueFull(`There are ${queues} queues already`);
  }

  #startSweeping(): void {
    this.#sweep ??= this.#options.clock.schedule(SWEEP_MS, () => {
      this.#sweep = null;
      let expiring = 0;
      for (const queue of this.#queues.values()) expiring += queue.expire();
      if (expiring > 0) this.#startSweeping();
    });
  }
}

function depthOf({ length, unacknowledged, consumers }: WorkQueue): QueueDepth {
  return { waiting: length - unacknowledged, unacknowledged, consumers };
}
