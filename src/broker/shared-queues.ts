import type { Clock, Timer } from "../clock.ts";
import type { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import { type DeathReason, deadLetterOf, isDeadLetters } from "./dead-letters.ts";
import { QueueClaims } from "./queue-claims.ts";
import type { QueueConsumer, QueueReceiver } from "./queue-consumer.ts";
import { QueueDepths } from "./queue-depths.ts";
import { QueueJournal, type Settled } from "./queue-journal.ts";
import { QueueLease } from "./queue-lease.ts";
import { QueueMessage } from "./queue-message.ts";
import type { StoredQueueMessage } from "./queue-store.ts";
import { QueueTransaction } from "./queue-transaction.ts";
import type { QueueWakes } from "./queue-wakes.ts";
import type { QueueLimits } from "./queues.ts";
import { SharedQueue, type SharedQueueContext } from "./shared-queue.ts";
import { ClaimsLost, type SharedQueueStore } from "./shared-queue-store.ts";
import { type QueueDepth, queueFull, type WorkQueues } from "./work-queues.ts";

/** Queues are looked at so often, whether others told of messages or not. */
const LOOK_MS = 5_000;
/** The same while the others cannot tell. */
const LOOK_ALONE_MS = 1_000;

/** Expired messages that nobody asks for go within this time, so many at a time. */
const SWEEP_MS = 10_000;
const SWEPT_AT_A_TIME = 1_000;

export interface SharedQueuesOptions {
  readonly store: SharedQueueStore;
  readonly wakes: QueueWakes;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: QueueLimits;
  /** How often a message is delivered before it becomes a dead letter. */
  readonly maxDeliveries: number;
  /** For how long a node that says nothing keeps what its consumers have. */
  readonly leaseMs: number;
  readonly log: Log;
  /** Commits fail from now on, and why; null: they succeed again. */
  readonly onStoreChange: (error: AppError | null) => void;
}

interface Held {
  readonly message: QueueMessage;
  /** The commit that claimed it. */
  readonly run: number;
}

/**
 * The work queues of several nodes with one database. All messages are there; this node claims what
 * its consumers have room for, and keeps nothing else in memory. At least once: a message comes again
 * unless its acknowledgement was written, to somebody else as soon as this node gives it back or is
 * out of contact with the database for longer than its lease.
 */
export class SharedQueues implements WorkQueues {
  readonly keepsAll = true;
  readonly journal: QueueJournal;
  readonly #options: SharedQueuesOptions;
  readonly #queues = new Map<string, SharedQueue>();
  readonly #claims: QueueClaims;
  readonly #lease: QueueLease;
  readonly #depths: QueueDepths;
  /** What this node claims and has neither finished nor given back. */
  readonly #held = new Map<string, Held>();
  #bytes = 0;
  #isStopped = false;
  readonly #timers = new Set<Timer>();

  constructor(options: SharedQueuesOptions) {
    const { store, clock, leaseMs, log, limits, wakes } = options;
    this.#options = options;
    this.#lease = new QueueLease({
      ...{ store, clock, leaseMs, log },
      renewed: () => this.#claims.tend(),
      lost: () => this.#lost(),
      ended: (queues) => this.#left(new Set(queues)),
    });
    this.#claims = new QueueClaims({
      ...{ store, lease: this.#lease },
      queueNamed: (name) => this.#queues.get(name) ?? null,
      hasRoom: () => !this.#isStopped && this.#bytes < limits.queueBytes,
      claimed: (message, run) => this.#claimed(message, run),
      left: (queues) => this.#left(queues),
    });
    this.journal = new QueueJournal(this.#claims, clock, options.onStoreChange);
    this.#depths = new QueueDepths(store, clock);
    wakes.receive(
      (name) => this.#queues.get(name)?.hasNews(),
      () => this.#lookAtAll(),
    );
  }

  start(): void {
    this.#lease.start();
    this.#depths.start();
    this.#look();
    this.#sweep();
  }

  /** The bound of a queue is kept as exactly as its messages were counted lately. */
  assertRoom(name: string): void {
    const { queueMessages, queueBytes, queues } = this.#options.limits;
    if (this.#depths.messagesOf(name) >= queueMessages) {
      throw queueFull(`${name} holds ${queueMessages} messages`);
    }
    if (!this.#depths.isKnown(name) && this.#depths.queues >= queues) {
      throw queueFull(`There are ${queues} queues already`);
    }
    if (this.#bytes >= queueBytes) throw queueFull("The queues hold all they may in memory");
  }

  send(message: QueueMessage): void {
    this.sendPersistent(message, () => {});
  }

  sendPersistent(message: QueueMessage, settled: Settled): void {
    this.addPending(message);
    this.journal.append(message.toStored());
    this.journal.settled((error) => {
      this.settlePending(message);
      settled(error);
    });
  }

  addPending(message: QueueMessage): void {
    this.#bytes += message.bytes;
    this.#depths.sent(message.queue);
  }

  /** It is in the database, or nowhere. */
  settlePending(message: QueueMessage): void {
    this.#bytes -= message.bytes;
  }

  consume(name: string, receiver: QueueReceiver, prefetch: number): QueueConsumer {
    const known = this.#queues.get(name);
    if (known !== undefined) return known.consume(receiver, prefetch);
    const { limits, wakes } = this.#options;
    if (this.#queues.size >= limits.queues) {
      throw queueFull(`There are ${limits.queues} queues already`);
    }
    const queue: SharedQueue = new SharedQueue(
      name,
      this.#contextOf(name, () => queue),
    );
    this.#queues.set(name, queue);
    // What was sent before it listens is found by looking.
    void wakes.listen(name).then(() => queue.hasNews());
    return queue.consume(receiver, prefetch);
  }

  transaction(): QueueTransaction {
    return new QueueTransaction(this);
  }

  get count(): number {
    return this.#depths.queues;
  }

  get bytes(): number {
    return this.#bytes;
  }

  depthOf(name: string): QueueDepth {
    const consumers = this.#queues.get(name)?.consumers ?? 0;
    return { ...this.#depths.depthOf(name), consumers };
  }

  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth } {
    const { living, dead } = this.#depths.depths();
    let consumers = 0;
    for (const queue of this.#queues.values()) consumers += queue.consumers;
    return { living: { ...living, consumers }, dead };
  }

  stop(): void {
    this.#isStopped = true;
    this.#lease.stop();
    this.#depths.stop();
    for (const timer of this.#timers) timer.cancel();
    this.journal.stop();
  }

  async finish(): Promise<void> {
    await this.journal.drained();
    await this.#lease.leave();
  }

  #contextOf(name: string, queue: () => SharedQueue): SharedQueueContext {
    const { clock, maxDeliveries } = this.#options;
    return {
      monotonicMs: () => clock.monotonicMs(),
      maxDeliveries: isDeadLetters(name) ? 0 : maxDeliveries,
      isStopped: () => this.#isStopped,
      holds: (message) => this.#held.get(message.id)?.message === message,
      finished: (message) => this.#finished(message),
      returned: (message) => this.#return(message),
      dead: (message, reason) => this.#dead(message, reason),
      due: (delayMs) => {
        if (delayMs === 0) this.#claims.due(queue());
        else this.#later(delayMs, () => this.#claims.due(queue()));
      },
      unused: () => {
        this.#queues.delete(name);
        this.#options.wakes.ignore(name);
      },
    };
  }
  /** False: no consumer takes it now, and it is given back. */
  #claimed(stored: StoredQueueMessage, run: number): boolean {
    const message = new QueueMessage(stored, true, stored.deliveries > 0);
    this.#held.set(message.id, { message, run });
    this.#bytes += message.bytes;
    const { clock, maxDeliveries } = this.#options;
    if (message.expiresMs !== null && message.expiresMs <= clock.now()) {
      this.#finished(message);
      return true;
    }
    const isMortal = maxDeliveries > 0 && !isDeadLetters(message.queue);
    if (isMortal && message.deliveries >= maxDeliveries) {
      this.#dead(message, "max-deliveries"); // Its consumers' nodes died with it.
      return true;
    }
    // A node that slept through its lease must not pass on what others may have by now.
    if (this.#lease.isFresh && !this.#isStopped) {
      if (this.#queues.get(message.queue)?.deliver(message) === true) return true;
    }
    this.#return(message);
    return false;
  }

  #finished(message: QueueMessage): void {
    this.#release(message);
    if (message.isStored) this.journal.remove(message.id);
  }

  #return(message: QueueMessage): void {
    this.#claims.returning(message.id, this.#held.get(message.id)?.run ?? 0);
    this.#release(message);
    this.journal.redelivered(message.id, message.deliveries);
  }

  /** In the database, a dead letter takes the place of its message in one commit. */
  #dead(message: QueueMessage, reason: DeathReason): void {
    const { log, newId } = this.#options;
    const fields = { queue: message.queue, message: message.id, reason };
    if (isDeadLetters(message.queue)) {
      log.warn(fields, "A dead letter was rejected and is no more");
      this.#finished(message);
      return;
    }
    const letter = deadLetterOf(message, reason, newId());
    log.warn({ ...fields, deadLetters: letter.queue }, "A message is dead");
    this.#release(message);
    this.journal.replace(message.id, letter);
  }

  #release(message: QueueMessage): void {
    this.#held.delete(message.id);
    this.#bytes -= message.bytes;
    this.#claims.claimSoon(); // It may have waited for room.
  }

  /** What consumers have is others' now: their acknowledgements come too late. */
  #lost(): void {
    for (const { message } of this.#held.values()) this.#bytes -= message.bytes;
    this.#held.clear();
    this.#claims.forget();
    this.journal.abandon(new ClaimsLost());
  }

  #left(queues: ReadonlySet<string>): void {
    for (const name of queues) {
      this.#options.wakes.tell(name);
      this.#queues.get(name)?.hasNews();
    }
  }

  #lookAtAll(): void {
    for (const queue of this.#queues.values()) queue.hasNews();
  }

  #look(): void {
    this.#later(this.#options.wakes.isConnected ? LOOK_MS : LOOK_ALONE_MS, () => {
      this.#lookAtAll();
      this.#look();
    });
  }

  #sweep(): void {
    const { store, clock } = this.#options;
    this.#later(SWEEP_MS, () => {
      // What could not be removed is tried again with the rest.
      store.removeExpired(clock.now(), SWEPT_AT_A_TIME).catch(() => undefined);
      this.#sweep();
    });
  }

  #later(delayMs: number, task: () => void): void {
    if (this.#isStopped) return;
    const timer = this.#options.clock.schedule(delayMs, () => {
      this.#timers.delete(timer);
      task();
    });
    this.#timers.add(timer);
  }
}
