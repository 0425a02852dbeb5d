import { countLost, noFaults } from "../measurement.ts";
import { BusyLoop, type LoopTimes } from "./busy-loop.ts";
import { numberAt } from "./frame-fields.ts";
import type { Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const CONTENT = "The quick brown fox jumps over the lazy dog. ".repeat(3).slice(0, 128);

/** What has not come is lost when nothing at all came for so long. */
const SILENCE_MS = 10_000;

/** What has come of a message. */
export const RECEIVED = 1;
const SENT = 2;
const DELIVERED = 4;
export const COMPLETE = RECEIVED | SENT | DELIVERED;
/** The server said that it does not take it: neither lost nor measured. */
const REFUSED = 8;

const SUBSCRIPTION = Buffer.from("\nsubscription:");
const CLIENT_MESSAGE_ID = Buffer.from('"clientMessageId":"');
const SEQ = Buffer.from('"seq":');
const STATUS = Buffer.from('"status":"');
const LETTER_C = 99;
const LETTER_M = 109;
const LETTER_S = 83;

export interface Exchange extends LoopTimes {
  readonly count: number;
}

/** Pairs of users who write to each other, and what has come of each message. */
export class Chat {
  readonly faults = noFaults();
  readonly #toReceipt = new Latencies("send → receipt");
  readonly #toSent = new Latencies("send → SENT");
  readonly #toDelivered = new Latencies("send → DELIVERED");
  readonly #ownDelay = new Latencies("due → sent by the client");
  readonly latencies = [this.#toReceipt, this.#toSent, this.#toDelivered, this.#ownDelay];
  readonly #pairs: number;
  /** What must come of a message until it is complete. */
  readonly #expected: number;
  readonly #target: Target;
  readonly #loop = new BusyLoop();
  #users: StompClient[] = [];
  /** By message, its number being its `clientMessageId`. */
  readonly #dueMs: number[] = [];
  readonly #state: number[] = [];
  #complete = 0;
  #progressMs = 0;
  #onComplete: () => void = () => {};
  /** By user, the highest received. */
  readonly #lastSeq: number[] = [];

  constructor(pairs: number, expected: number, target: Target) {
    this.#pairs = pairs;
    this.#expected = expected;
    this.#target = target;
  }

  /** @param portOf of the server that the user connects to; users 2n and 2n + 1 are a pair */
  async connect(portOf: (user: number) => number = () => this.#target.port): Promise<void> {
    this.#users = await connectMany(2 * this.#pairs, async (user) => {
      this.#lastSeq[user] = 0;
      const client = await StompClient.connect({
        port: portOf(user),
        userId: `user-${user}`,
        heartBeat: "0,0",
        onMessage: (bytes, start, end) => this.#received(user, bytes, start, end),
        onLost: countLost(this.faults, `user-${user}`),
      });
      await client.subscribe({
        m: "/user/queue/messages",
        c: "/user/queue/confirmations",
        e: "/user/queue/errors",
      });
      return client;
    });
  }

  forgetTimes(): void {
    for (const latencies of this.latencies) latencies.reset();
  }

  close(): void {
    for (const user of this.#users) user.close();
  }

  /** Sends for so long, then waits for all that belongs to it. */
  async exchange(messagesPerSecond: number, seconds: number): Promise<Exchange> {
    this.#onComplete = () => {};
    const count = Math.round(seconds * messagesPerSecond);
    const startMs = performance.now();
    const dueAt = (index: number) => startMs + (index * 1_000) / messagesPerSecond;
    const before = this.#dueMs.length;
    let sent = 0;
    this.#progressMs = startMs;
    const times = await this.#loop.run((nowMs) => {
      while (sent < count && dueAt(sent) <= nowMs) {
        this.#send(before + sent, dueAt(sent));
        sent += 1;
      }
      const isSilent = nowMs > this.#progressMs + SILENCE_MS;
      return sent < count || (this.#complete < this.#state.length && !isSilent);
    });
    this.#countLost(before);
    return { count, ...times };
  }

  /** Sends as messages become complete, for so long, then waits for all that belongs to it. */
  async closedLoop(inFlight: number, seconds: number): Promise<Exchange> {
    const before = this.#dueMs.length;
    const endMs = performance.now() + seconds * 1_000;
    const sendNext = () => this.#send(this.#dueMs.length, performance.now());
    this.#progressMs = performance.now();
    this.#onComplete = () => {
      if (this.#progressMs < endMs) sendNext();
    };
    for (let count = 0; count < inFlight; count += 1) sendNext();
    const times = await this.#loop.run((nowMs) => {
      const isSilent = nowMs > this.#progressMs + SILENCE_MS;
      return this.#complete < this.#state.length && !isSilent;
    });
    const count = this.#state.length - before;
    this.#countLost(before);
    return { count, ...times };
  }

  #send(index: number, dueMs: number): void {
    const user = index % this.#users.length;
    const partner = user ^ 1;
    const clientMessageId = String(index).padStart(8, "0");
    const body = `{"conversationId":"pair-${user >> 1}","recipientId":"user-${partner}","content":"${CONTENT}","clientMessageId":"${clientMessageId}"}`;
    this.#dueMs.push(dueMs);
    this.#state.push(0);
    this.#users[user]?.send(
      `SEND\ndestination:/app/chat.send\ncontent-type:application/json\ncontent-length:${body.length}\n\n${body}\0`,
    );
    this.#loop.worked();
    this.#ownDelay.record(performance.now() - dueMs);
  }

  #received(user: number, bytes: Buffer, start: number, end: number): void {
    this.#loop.worked();
    const subscription = bytes[after(bytes, SUBSCRIPTION, start)];
    if (subscription === LETTER_M) {
      this.#mark(bytes, start, RECEIVED, this.#toReceipt);
      const seq = this.#orderOf(bytes, start);
      if (seq <= (this.#lastSeq[user] ?? 0)) this.faults.disordered += 1;
      this.#lastSeq[user] = seq;
    } else if (subscription === LETTER_C) {
      const isSent = bytes[after(bytes, STATUS, start)] === LETTER_S;
      if (isSent) this.#mark(bytes, start, SENT, this.#toSent);
      else this.#mark(bytes, start, DELIVERED, this.#toDelivered);
    } else {
      if (this.faults.refused === 0) console.error(bytes.toString("utf8", start, end));
      this.faults.refused += 1;
      this.#state[numberAt(bytes, after(bytes, CLIENT_MESSAGE_ID, start))] = REFUSED;
      this.#complete += 1;
      this.#progressMs = performance.now();
      this.#onComplete();
    }
  }

  #mark(bytes: Buffer, start: number, mark: number, latencies: Latencies): void {
    const index = numberAt(bytes, after(bytes, CLIENT_MESSAGE_ID, start));
    const before = this.#state[index] ?? COMPLETE;
    if ((before & mark) !== 0) {
      this.faults.doubled += 1;
      return;
    }
    this.#progressMs = performance.now();
    latencies.record(this.#progressMs - (this.#dueMs[index] ?? Number.NaN));
    this.#state[index] = before | mark;
    if ((before | mark) !== this.#expected) return;
    this.#complete += 1;
    this.#onComplete();
  }

  /** By `seq`; without one, by what the client itself counted. */
  #orderOf(bytes: Buffer, start: number): number {
    if (this.#expected === COMPLETE) return numberAt(bytes, after(bytes, SEQ, start));
    return numberAt(bytes, after(bytes, CLIENT_MESSAGE_ID, start)) + 1;
  }

  /** A message counts as often as it, its SENT or its DELIVERED is missing. */
  #countLost(from: number): void {
    for (const state of this.#state.slice(from)) {
      if (state === REFUSED) continue;
      for (const mark of [RECEIVED, SENT, DELIVERED]) {
        if ((this.#expected & ~state & mark) !== 0) this.faults.lost += 1;
      }
    }
    this.#complete = this.#state.length;
  }
}

/** Where the value begins whose beginning is marked so. */
function after(bytes: Buffer, mark: Buffer, from: number): number {
  return bytes.indexOf(mark, from) + mark.length;
}
