import { BusyLoop } from "../busy-loop.ts";
import { Latencies } from "../latencies.ts";
import { messageBody, numberOf } from "./body.ts";
import { Crowd } from "./crowd.ts";
import type { Connection, Dialect } from "./dialect.ts";
import { cpuSecondsOfAll, rssBytesOfAll } from "./process-tree.ts";
import { Sequence } from "./sequence.ts";
import type { LoadWork, PeerJob, PeerLoad, PeerOutcome } from "./work.ts";

/** What has not come is lost when nothing at all came for so long. */
const SILENCE_MS = 10_000;
/** How long something unexpected may follow what was expected. */
const AFTERMATH_MS = 200;

/** Closed loops over one dialect: a message that all its receivers have lets the next one go. */
export async function runExchange(
  dialect: Dialect,
  work: LoadWork,
  { port, serverPids }: PeerJob,
): Promise<PeerOutcome> {
  const exchange = new Exchange(new Crowd(dialect, port), work, serverPids);
  await exchange.connect();
  for (const inFlight of work.windows) await exchange.closedLoop(inFlight, work.warmUpSeconds);
  const measurements: PeerLoad[] = [];
  for (const inFlight of work.windows)
    measurements.push(await exchange.closedLoop(inFlight, work.seconds));
  await Bun.sleep(AFTERMATH_MS);
  return { measurements, faults: exchange.close() };
}

class Exchange {
  readonly #crowd: Crowd;
  readonly #work: LoadWork;
  readonly #serverPids: readonly number[];
  readonly #loop = new BusyLoop();
  readonly #toLast = new Latencies("publish → the last receiver");
  readonly #sequences: Sequence[] = [];
  /** How many receive each message. */
  readonly #audience: number;
  #publisher: Connection | null = null;
  /** By message. */
  readonly #sentMs: number[] = [];
  readonly #receipts: number[] = [];
  #complete = 0;
  #progressMs = 0;
  #onComplete: (nowMs: number) => void = () => {};

  constructor(crowd: Crowd, work: LoadWork, serverPids: readonly number[]) {
    this.#crowd = crowd;
    this.#work = work;
    this.#serverPids = serverPids;
    this.#audience = work.work === "fan-out" ? work.receivers : 1;
  }

  async connect(): Promise<void> {
    const { work, receivers } = this.#work;
    const isFanOut = work === "fan-out";
    for (let at = 0; at < receivers; at += 1)
      this.#sequences.push(
        isFanOut ? new Sequence(0, 1, this.#crowd.faults) : this.#oneToOneSequence(at),
      );
    await this.#crowd.join(
      receivers,
      (index) => (isFanOut ? "bench" : `user-${index}`),
      (index, bytes, start, end) => this.#received(index, numberOf(bytes, start, end)),
    );
    const publisher = await this.#crowd.outsider();
    this.#publisher = publisher;
    await this.#crowd.settled((probe) => {
      if (isFanOut) publisher.publish("bench", probe);
      else
        for (const [index, { connection }] of this.#crowd.members.entries())
          connection.publish(`user-${index}`, probe);
    });
  }

  async closedLoop(inFlight: number, seconds: number): Promise<PeerLoad> {
    const { work, receivers } = this.#work;
    const before = this.#sentMs.length;
    const endMs = performance.now() + seconds * 1_000;
    this.#toLast.reset();
    this.#onComplete = (nowMs) => {
      if (nowMs < endMs) this.#publish(nowMs);
    };
    const cpuBefore = cpuSecondsOfAll(this.#serverPids);
    this.#progressMs = performance.now();
    for (let count = 0; count < inFlight; count += 1) this.#publish(performance.now());
    const { wallMs, cpuMs } = await this.#loop.run(
      (nowMs) => this.#complete < this.#sentMs.length && nowMs < this.#progressMs + SILENCE_MS,
    );
    const serverCpuSeconds = cpuSecondsOfAll(this.#serverPids) - cpuBefore;
    const messages = this.#sentMs.length - before;
    for (const sequence of this.#sequences) sequence.close(this.#sentMs.length);
    this.#complete = this.#sentMs.length;
    const { p50Ms, p99Ms } = this.#toLast.summary();
    return {
      ...{ kind: "load", work, receivers, inFlight, seconds: wallMs / 1_000, messages },
      ...{ deliveries: messages * this.#audience, p50Ms, p99Ms, serverCpuSeconds },
      serverRssBytes: rssBytesOfAll(this.#serverPids),
      clientCpuSeconds: cpuMs / 1_000,
    };
  }

  close(): PeerOutcome["faults"] {
    this.#crowd.leave();
    this.#publisher?.close();
    return this.#crowd.faults;
  }

  /** Senders take turns; each writes to one partner, whose messages are the sender's numbers. */
  #oneToOneSequence(receiver: number): Sequence {
    return new Sequence(receiver ^ 1, this.#work.receivers, this.#crowd.faults);
  }

  #publish(nowMs: number): void {
    const index = this.#sentMs.length;
    this.#sentMs.push(nowMs);
    this.#receipts.push(0);
    this.#loop.worked();
    const body = messageBody(index);
    if (this.#work.work === "fan-out") {
      this.#publisher?.publish("bench", body);
      return;
    }
    const sender = index % this.#work.receivers;
    this.#crowd.members[sender]?.connection.publish(`user-${sender ^ 1}`, body);
  }

  #received(receiver: number, index: number): void {
    this.#loop.worked();
    if (this.#sequences[receiver]?.take(index) !== true) return;
    const receipts = (this.#receipts[index] ?? 0) + 1;
    this.#receipts[index] = receipts;
    if (receipts !== this.#audience) return;
    const nowMs = performance.now();
    this.#complete += 1;
    this.#progressMs = nowMs;
    this.#toLast.record(nowMs - (this.#sentMs[index] ?? Number.NaN));
    this.#onComplete(nowMs);
  }
}
