import type { Faults } from "../measurement.ts";
import { after, numberAt } from "./frame-fields.ts";
import type { Latencies } from "./latencies.ts";

const DIGITS = 8;
const ID = Buffer.from('"clientMessageId":"');
const SEQ = Buffer.from('"seq":');
const STATUS = Buffer.from('"status":"');
const LETTER_D = 68;

const SENT = 1;
const DELIVERED = 2;
const CONFIRMATIONS = 2;

export interface MessageTimes {
  readonly toReceipt: Latencies;
  readonly toSent: Latencies;
  readonly toDelivered: Latencies;
}

/** What is still to come of each message: a copy for each recipient, SENT, DELIVERED. */
export class MessageLedger {
  readonly #faults: Faults;
  readonly #mayRepeat: boolean;
  #repeated = 0;
  readonly #times: MessageTimes[] = [];
  readonly #dueMs: number[] = [];
  readonly #missing: number[] = [];
  /** Which confirmations of it have come: one more does not stand for another that is missing. */
  readonly #confirmed: number[] = [];
  #incomplete = 0;
  /** By reader, who has but one conversation of a kind: the last `seq` received. */
  readonly #lastSeq = new Map<string, number>();

  /** @param mayRepeat whether DELIVERED may come again, as from several nodes */
  constructor(faults: Faults, mayRepeat = false) {
    this.#faults = faults;
    this.#mayRepeat = mayRepeat;
  }

  /** How often DELIVERED has come again. */
  get repeated(): number {
    return this.#repeated;
  }

  get incomplete(): number {
    return this.#incomplete;
  }

  /** The message's `clientMessageId`. */
  sent(dueMs: number, recipients: number, times: MessageTimes): string {
    const number = this.#dueMs.push(dueMs) - 1;
    this.#times.push(times);
    this.#missing.push(recipients + CONFIRMATIONS);
    this.#confirmed.push(0);
    this.#incomplete += 1;
    return String(number).padStart(DIGITS, "0");
  }

  /** @param reader the user and which of their conversations it is of */
  received(reader: string, bytes: Buffer, start: number, end: number): void {
    const number = numberAt(bytes, after(bytes, ID, start, end));
    const seq = numberAt(bytes, after(bytes, SEQ, start, end));
    if (seq <= (this.#lastSeq.get(reader) ?? 0)) this.#faults.disordered += 1;
    this.#lastSeq.set(reader, seq);
    this.#times[number]?.toReceipt.record(this.#since(number));
    this.#cameOf(number);
  }

  confirmed(bytes: Buffer, start: number, end: number): void {
    const number = numberAt(bytes, after(bytes, ID, start, end));
    const isDelivered = bytes[after(bytes, STATUS, start, end)] === LETTER_D;
    const mark = isDelivered ? DELIVERED : SENT;
    const confirmed = this.#confirmed[number] ?? 0;
    if ((confirmed & mark) !== 0) {
      if (isDelivered && this.#mayRepeat) this.#repeated += 1;
      else this.#faults.doubled += 1;
      return;
    }
    this.#confirmed[number] = confirmed | mark;
    const times = this.#times[number];
    (isDelivered ? times?.toDelivered : times?.toSent)?.record(this.#since(number));
    this.#cameOf(number);
  }

  /** The server did not take it. */
  refused(bytes: Buffer, start: number, end: number): void {
    this.#faults.refused += 1;
    const at = after(bytes, ID, start, end);
    if (at === -1) return;
    this.#missing[numberAt(bytes, at)] = 0;
    this.#incomplete -= 1;
  }

  /** What has not come by now is lost. */
  close(): void {
    for (const missing of this.#missing) this.#faults.lost += Math.max(0, missing);
  }

  #since(number: number): number {
    return performance.now() - (this.#dueMs[number] ?? Number.NaN);
  }

  #cameOf(number: number): void {
    const missing = (this.#missing[number] ?? 0) - 1;
    this.#missing[number] = missing;
    if (missing === 0) this.#incomplete -= 1;
    if (missing < 0) this.#faults.doubled += 1;
  }
}
