import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { QueueConsumer, QueueReceiver } from "./queue-consumer.ts";
import type { QueueJournal, Settled } from "./queue-journal.ts";
import { QueueMessage } from "./queue-message.ts";
import type { StoredQueueMessage } from "./queue-store.ts";
import { type DeathReason, WorkQueue, type WorkQueueContext } from "./work-queue.ts";

/** `/queue/x` has its dead letters on `/queue/dead-letter/x`. */
const DEAD_LETTERS = "/queue/dead-letter/";

/** Expired messages that nobody asks for go within this time. */
const SWEEP_MS = 10_000;

export interface QueueLimits {
  /** Messages of a queue, delivered and not acknowledged ones too. */
  readonly queueMessages: number;
  /** Of all queues together, in memory. */
  readonly queueBytes: number;
  readonly queues: number;
}

/** What a work queue holds, or several together. */
export interface QueueDepth {
  readonly waiting: number;
  /** Delivered, and neither acknowledged nor given back. */
  readonly unacknowledged: number;
  readonly consumers: number;
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
export class Queues {
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

  /** Throws QUEUE_FULL when the queue may take no further message. */
  assertRoom(name: string): void {
    const { limits } = this.#options;
    const queue = this.#queues.get(name);
    if (queue === undefined) this.#assertRoomForQueue();
    else if (queue.length >= limits.queueMessages) {
      throw queueFull(`${name} holds ${limits.queueMessages} messages`);
    }
    if (this.#bytes >= limits.queueBytes) throw queueFull("The queues hold all they may");
  }

  /** The message is kept in memory only. The caller has seen to `assertRoom`. */
  send(message: QueueMessage): void {
    this.#add(message);
  }

  /** `settled` comes after the commit; with an error, nothing of the message is kept. */
  sendPersistent(message: QueueMessage, settled: Settled): void {
    this.addPending(message);
    this.journal.append(message.toStored());
    this.journal.settled((error) => {
      this.settlePending(message, error === null);
      settled(error);
    });
  }

  /** A message that takes its place, but is not delivered yet. */
  addPending(message: QueueMessage): void {
    message.isPending = true;
    this.#add(message);
  }

  /** The message may be delivered, or was never sent. */
  settlePending(message: QueueMessage, isSent: boolean): void {
    const queue = this.#queues.get(message.queue);
    message.isPending = false;
    if (!isSent) {
      message.isStored = false;
      queue?.drop(message);
    }
    queue?.dispatch();
  }

  /** Throws QUEUE_FULL when there are too many queues. */
  consume(name: string, receiver: QueueReceiver, prefetch: number): QueueConsumer {
    if (!this.#queues.has(name)) this.#assertRoomForQueue();
    return this.#queueNamed(name).consume(receiver, prefetch);
  }

  get count(): number {
    return this.#queues.size;
  }

  /** Of the messages of all, in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of the queue, which need not be there. */
  depthOf(name: string): QueueDepth {
    const queue = this.#queues.get(name);
    return queue === undefined ? EMPTY : depthOf(queue);
  }

  /** Of all queues of living messages, and of all of dead letters: looks at each. */
  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth } {
    let [living, dead] = [EMPTY, EMPTY];
    for (const queue of this.#queues.values()) {
      if (isDeadLetters(queue.name)) dead = sum(dead, depthOf(queue));
      else living = sum(living, depthOf(queue));
    }
    return { living, dead };
  }

  /** Nothing is delivered from now on; what is not acknowledged waits for the next start. */
  stop(): void {
    this.#isStopped = true;
    this.#sweep?.cancel();
    this.journal.stop();
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
    const name = DEAD_LETTERS + message.queue.slice("/queue/".length);
    log.warn({ ...fields, deadLetters: name }, "A message is dead");
    const letters = this.#queueNamed(name);
    if (letters.length >= limits.queueMessages) {
      log.warn({ queue: name }, "The oldest dead letter makes room");
      letters.dropOldest();
    }
    const { body, deliveries } = message;
    const headers = [
      ...message.headers,
      ...["original-destination", message.queue, "death-reason", reason],
      ...["deliveries", String(deliveries)],
    ];
    const stored = { id: newId(), queue: name, headers, body, expiresMs: null, deliveries: 0 };
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

const EMPTY: QueueDepth = { waiting: 0, unacknowledged: 0, consumers: 0 };

function depthOf({ length, unacknowledged, consumers }: WorkQueue): QueueDepth {
  return { waiting: length - unacknowledged, unacknowledged, consumers };
}

function sum(one: QueueDepth, other: QueueDepth): QueueDepth {
  return {
    waiting: one.waiting + other.waiting,
    unacknowledged: one.unacknowledged + other.unacknowledged,
    consumers: one.consumers + other.consumers,
  };
}

function isDeadLetters(name: string): boolean {
  return name.startsWith(DEAD_LETTERS);
}

function queueFull(message: string): AppError {
  return new AppError("QUEUE_FULL", message);
}
