import type { StoredMessage } from "../chat/ports.ts";
import type { Clock, Timer } from "../clock.ts";
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

interface Entry {
  readonly text: string;
  readonly message: StoredMessage | null;
}

interface Kept {
  readonly answer: PollAnswer;
  readonly messages: readonly StoredMessage[];
  readonly bytes: number;
}

interface Poll {
  readonly promise: Promise<PollAnswer>;
  readonly resolve: (answer: PollAnswer) => void;
  readonly timer: Timer;
}

export interface EventMailboxOptions {
  readonly clock: Clock;
  readonly position: string | null;
  /** What waits, in bytes, that is not added to before the client has fetched it. */
  readonly highWaterBytes: number;
  /** How long a client may stay away. */
  readonly graceMs: number;
  /** Nothing is kept any more of what was fetched. */
  readonly onDrained: () => void;
  /** The client has the messages of an earlier answer: it says so by asking on. */
  readonly onReceived: (messages: readonly StoredMessage[]) => void;
  /** The client has stayed away. */
  readonly onForsaken: () => void;
}

/**
 * The events of a client that polls. They wait for its next poll; an answer is kept until the poll
 * after it says that it has come, and given again when it has not.
 */
export class EventMailbox implements EventSink {
  readonly #options: EventMailboxOptions;
  #waiting: Entry[] = [];
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
   * something, and after the time at the latest. One poll takes the place of another.
   */
  poll(number: number, waitMs: number): Promise<PollAnswer> {
    this.#grace?.cancel();
    this.#grace = null;
    this.#answer();
    if (this.#kept !== null) {
      const { answer, messages } = this.#kept;
      if (number !== this.#answered) {
        this.#startGrace();
        return Promise.resolve(answer);
      }
      this.#kept = null;
      this.#options.onReceived(messages);
      this.#options.onDrained();
    }
    const { promise, resolve } = Promise.withResolvers<PollAnswer>();
    const timer = this.#options.clock.schedule(waitMs, () => {
      this.#isTimeUp = true;
      this.#look();
    });
    this.#isTimeUp = waitMs === 0;
    this.#poll = { promise, resolve, timer };
    this.#look();
    return promise;
  }

  /** The poll was broken off: what it waits for is for the next one. */
  abandon(poll: Promise<PollAnswer>): void {
    if (this.#poll?.promise !== poll) return;
    this.#poll.timer.cancel();
    this.#poll = null;
    this.#startGrace();
  }

  event({ name, data }: ClientEvent): void {
    this.#add(`{"event":"${name}","data":${data}}`, null);
  }

  message(message: StoredMessage, body: string): void {
    this.#position = message.id;
    this.#add(`{"event":"message","data":${body}}`, message);
  }

  caughtUp(position: string): void {
    this.#position = position;
    this.#isCaughtUp = true;
    this.#look();
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

  #add(text: string, message: StoredMessage | null): void {
    this.#waiting.push({ text, message });
    this.#bytes += text.length;
    this.#look();
  }

  /** Answers at the end of what happens now, if it is time. */
  #look(): void {
    if (this.#poll === null || this.#isLooking) return;
    this.#isLooking = true;
    queueMicrotask(() => {
      this.#isLooking = false;
      if (this.#isDue) this.#answer();
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
    const events = this.#waiting.map(({ text }) => text);
    const messages = this.#waiting.flatMap(({ message }) => message ?? []);
    const answer = { events, position: this.#position, number: this.#answered };
    this.#kept = { answer, messages, bytes: this.#bytes };
    this.#waiting = [];
    this.#bytes = 0;
    poll.resolve(answer);
    if (!this.#isEnded) this.#startGrace();
  }

  #startGrace(): void {
    if (this.#isEnded) return;
    this.#grace?.cancel();
    this.#grace = this.#options.clock.schedule(this.#options.graceMs, this.#options.onForsaken);
  }
}
