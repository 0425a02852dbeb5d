import type { StoredMessage } from "../chat/stored-chats.ts";
import type { Clock, Timer } from "../clock.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { ClientEvent, EventSink } from "./event-connection.ts";

/** What a poll brings. */
export interface PollAnswer {
  /** The JSON of each event, in order. */
  readonly events: readonly string[];
  /** Who has this answer has all messages up to here; null: it says nothing of them yet. */
  readonly position: string | null;
  /** Counts the mailbox's answers. */
  readonly number: number;
}

type Entry =
  | { readonly message: null; readonly text: string }
  /** `text` is null once it may not be what the message says any more. */
  | { readonly message: StoredMessage; text: string | null };

interface Kept {
  readonly number: number;
  readonly position: string | null;
  readonly entries: readonly Entry[];
  readonly bytes: number;
}

interface Poll {
  /** The answer that it follows. */
  readonly number: number;
  readonly promise: Promise<PollAnswer>;
  readonly resolve: (answer: Promise<PollAnswer>) => void;
  /** Of requests. */
  waiting: number;
  dueMs: number;
  timer: Timer;
}

export interface EventMailboxOptions {
  readonly clock: Clock;
  readonly position: string | null;
  /** What waits, in bytes, that is not added to before the client has fetched it. */
  readonly highWaterBytes: number;
  /** How long a client may stay away. */
  readonly graceMs: number;
  /** What the message says now, as JSON; null: nothing to this client. */
  readonly bodyOf: (message: StoredMessage) => MaybePromise<string | null>;
  /** Nothing is kept any more of what was fetched. */
  readonly onDrained: () => void;
  /** The client has the messages of an earlier answer: it says so by asking on. */
  readonly onReceived: (messages: readonly StoredMessage[]) => void;
  /** The client has stayed away. */
  readonly onForsaken: () => void;
}

/**
 * The events of a client that polls. They wait for its next poll; an answer is kept until the poll
 * after it says that it has come, and given again when it has not. A message that waits is written
 * when it is answered with: nobody is told what was deleted, or has disappeared, between two polls.
 */
export class EventMailbox implements EventSink {
  /** An answer is taken at once, and its time is `graceMs`. */
  readonly isReading = false;
  readonly #options: EventMailboxOptions;
  #waiting: Entry[] = [];
  /** So many of these came in an earlier turn. */
  #late = 0;
  #bytes = 0;
  /** Up to the last of what waits. */
  #position: string | null;
  #isCaughtUp = false;
  #isEnded = false;
  #answered = 0;
  /** The last answer, until it is known that it has come. */
  #kept: Kept | null = null;
  #poll: Poll | null = null;
  #isTimeUp = false;
  #isLooking = false;
  #grace: Timer | null = null;

  constructor(options: EventMailboxOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  /** The client that asks has the answer of that number, or the one before. */
  follows(number: number): boolean {
    return number === this.#answered || (this.#kept !== null && number === this.#answered - 1);
  }

  /**
   * Asks for what follows the answer of that number; 0 is none. Resolves as soon as there is
   * something, and after the time at the latest. A second request for it gets what the first one
   * does; one for anything else takes its place. Rejects with STORAGE_UNAVAILABLE, and then the same
   * can be asked again.
   */
  poll(number: number, waitMs: number): Promise<PollAnswer> {
    this.#grace?.cancel();
    this.#grace = null;
    const dueMs = this.#options.clock.now() + waitMs;
    if (this.#poll?.number === number) return this.#join(this.#poll, dueMs);
    this.#answer();
    if (this.#kept !== null) {
      const { entries } = this.#kept;
      if (number !== this.#answered) {
        this.#startGrace();
        return this.#write(this.#kept);
      }
      this.#kept = null;
      this.#options.onReceived(entries.flatMap(({ message }) => message ?? []));
      this.#options.onDrained();
    }
    const { promise, resolve } = Promise.withResolvers<PollAnswer>();
    const timer = this.#schedule(waitMs);
    this.#isTimeUp = waitMs === 0;
    this.#poll = { number, promise, resolve, waiting: 1, dueMs, timer };
    this.#look();
    return promise;
  }

  #join(poll: Poll, dueMs: number): Promise<PollAnswer> {
    poll.waiting += 1;
    if (dueMs < poll.dueMs) {
      poll.timer.cancel();
      poll.dueMs = dueMs;
      poll.timer = this.#schedule(dueMs - this.#options.clock.now());
    }
    return poll.promise;
  }

  #schedule(waitMs: number): Timer {
    return this.#options.clock.schedule(waitMs, () => {
      this.#isTimeUp = true;
      this.#look();
    });
  }

  /** A request was broken off: if nobody else waits for the same, it is for the next poll. */
  abandon(poll: Promise<PollAnswer>): void {
    if (this.#poll?.promise !== poll) return;
    this.#poll.waiting -= 1;
    if (this.#poll.waiting > 0) return;
    this.#poll.timer.cancel();
    this.#poll = null;
    this.#startGrace();
  }

  event({ name, data }: ClientEvent): void {
    this.#add({ message: null, text: textOf(name, data) });
  }

  message(message: StoredMessage, body: string): void {
    this.#position = message.id;
    this.#add({ message, text: textOf("message", body) });
  }

  caughtUp(position: string): void {
    this.#position = position;
    this.#isCaughtUp = true;
    // Of what is not kept the client may have missed something: it is another mailbox than before.
    this.event({ name: "ready", data: "{}" });
  }

  heartbeat(): void {}

  end(): void {
    this.#isEnded = true;
    this.#grace?.cancel();
    this.#answer();
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  get heldBytes(): number {
    return this.#bytes + (this.#kept?.bytes ?? 0);
  }

  #add(entry: Entry & { readonly text: string }): void {
    this.#waiting.push(entry);
    this.#bytes += entry.text.length;
    if (this.#poll === null) this.#letGoOfTexts();
    else this.#look();
  }

  #letGoOfTexts(): void {
    for (; this.#late < this.#waiting.length; this.#late += 1) {
      const entry = this.#waiting[this.#late];
      if (entry?.message) entry.text = null;
    }
  }

  /** Answers at the end of what happens now, if it is time. */
  #look(): void {
    if (this.#poll === null || this.#isLooking) return;
    this.#isLooking = true;
    queueMicrotask(() => {
      this.#isLooking = false;
      if (this.#poll !== null && this.#isDue) this.#answer();
      else this.#letGoOfTexts();
    });
  }

  get #isDue(): boolean {
    if (this.#isEnded) return true;
    const isReady = this.#isCaughtUp || this.#bytes > this.#options.highWaterBytes;
    return isReady && (this.#isTimeUp || this.#waiting.length > 0);
  }

  #answer(): void {
    const poll = this.#poll;
    if (poll === null) return;
    this.#poll = null;
    poll.timer.cancel();
    this.#answered += 1;
    const [entries, bytes, position] = [this.#waiting, this.#bytes, this.#position];
    this.#kept = { number: this.#answered, position, entries, bytes };
    this.#waiting = [];
    this.#late = 0;
    this.#bytes = 0;
    poll.resolve(this.#write(this.#kept));
    if (!this.#isEnded) this.#startGrace();
  }

  async #write({ number, position, entries }: Kept): Promise<PollAnswer> {
    const events: string[] = [];
    for (const entry of entries) {
      let { text } = entry;
      if (entry.message !== null) {
        entry.text = null;
        if (text === null) {
          const body = await this.#options.bodyOf(entry.message);
          text = body === null ? null : textOf("message", body);
        }
      }
      if (text !== null) events.push(text);
    }
    return { events, position, number };
  }

  #startGrace(): void {
    if (this.#isEnded) return;
    this.#grace?.cancel();
    this.#grace = this.#options.clock.schedule(this.#options.graceMs, this.#options.onForsaken);
  }
}

function textOf(name: string, data: string): string {
  return `{"event":"${name}","data":${data}}`;
}
