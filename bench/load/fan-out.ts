import { countLost, type LoadMeasurement, noFaults, type Outcome } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import type { FanOutScenario, Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { cpuSecondsOf, rssBytesOf } from "./server-usage.ts";
import { type ClientWire, connectMany, StompClient } from "./stomp-client.ts";

const TOPIC = "/topic/bench";
const BODY_BYTES = 128;
const DIGITS = 10;
/** A NUL, as SockJS's JSON has it. */
const SOCKJS_NUL_BYTES = 6;
const WIRES: readonly ClientWire[] = ["text", "binary", "sockjs"];
const PADDING = "x".repeat(BODY_BYTES - DIGITS);

/** What has not come is lost when nothing at all came for so long. */
const SILENCE_MS = 10_000;
/** How long something unexpected may follow what was expected. */
const AFTERMATH_MS = 200;

/** One publisher and many subscribers: in closed loops for the rate, at a pace for the times. */
export async function runFanOut(scenario: FanOutScenario, target: Target): Promise<Outcome> {
  const { publishesPerSecond, shareOfLoneRate, windows, warmUpSeconds, seconds } = scenario;
  const fanOut = new FanOut(scenario, target);
  await fanOut.connect();
  for (const inFlight of [1, 64]) await fanOut.closedLoop(inFlight, warmUpSeconds);
  const measurements: LoadMeasurement[] = [];
  for (const inFlight of windows) measurements.push(await fanOut.closedLoop(inFlight, seconds));
  if (publishesPerSecond !== null) {
    measurements.push(await fanOut.paced(publishesPerSecond, seconds));
  }
  if (shareOfLoneRate !== null) {
    const { messages, seconds: took } = await fanOut.closedLoop(1, seconds);
    const name = `paced at ${100 * shareOfLoneRate} % of W=1`;
    measurements.push(await fanOut.paced((shareOfLoneRate * messages) / took, seconds, name));
  }
  await Bun.sleep(AFTERMATH_MS);
  fanOut.close();
  return { measurements, faults: fanOut.faults };
}

class FanOut {
  readonly faults = noFaults();
  readonly #toEach = new Latencies("publish → each subscriber");
  readonly #toLast = new Latencies("publish → the last subscriber");
  readonly #subscribers: number;
  readonly #hasDistinctIds: boolean;
  readonly #isMixed: boolean;
  readonly #target: Target;
  readonly #loop = new BusyLoop();
  #clients: StompClient[] = [];
  #publisher: StompClient | null = null;
  /** By message, its number being the beginning of its body. */
  readonly #dueMs: number[] = [];
  readonly #receipts: number[] = [];
  #complete = 0;
  #progressMs = 0;
  /** By subscriber, the last one received. */
  readonly #last: number[] = [];
  /** The measuring of each receipt would make the client the bottleneck of a closed loop. */
  #timesEach = false;
  #onComplete: (nowMs: number) => void = () => {};

  constructor({ subscribers, subscriptionIds, wires }: FanOutScenario, target: Target) {
    this.#subscribers = subscribers;
    this.#hasDistinctIds = subscriptionIds === "distinct";
    this.#isMixed = wires === "mixed";
    this.#target = target;
  }

  async connect(): Promise<void> {
    const { port } = this.#target;
    const options = { port, heartBeat: "0,0" };
    this.#clients = await connectMany(this.#subscribers, async (subscriber) => {
      this.#last[subscriber] = -1;
      const wire = (this.#isMixed && WIRES[subscriber % WIRES.length]) || "text";
      const endBytes = wire === "sockjs" ? SOCKJS_NUL_BYTES : 1;
      const client = await StompClient.connect({
        ...options,
        userId: `subscriber-${subscriber}`,
        onLost: countLost(this.faults, `subscriber-${subscriber}`),
        wire,
        onMessage: (bytes, _start, end) => this.#received(subscriber, bytes, end - endBytes),
      });
      await client.subscribe({ [this.#hasDistinctIds ? `sub-${subscriber}` : "sub-0"]: TOPIC });
      return client;
    });
    this.#publisher = await StompClient.connect({
      ...options,
      userId: "publisher",
      onLost: countLost(this.faults, "publisher"),
      onMessage: () => {},
    });
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#publisher?.close();
  }

  /** Each publish has a time at which it is due; the times count from there. */
  paced(
    publishesPerSecond: number,
    seconds: number,
    name = `paced, ${publishesPerSecond.toLocaleString("en")}/s`,
  ): Promise<LoadMeasurement> {
    const count = Math.round(publishesPerSecond * seconds);
    const startMs = performance.now();
    const dueAt = (index: number) => startMs + (index * 1_000) / publishesPerSecond;
    let published = 0;
    this.#timesEach = true;
    this.#onComplete = () => {};
    return this.#measured(name, (nowMs) => {
      while (published < count && dueAt(published) <= nowMs) {
        this.#publish(dueAt(published));
        published += 1;
      }
      return published < count;
    });
  }

  /** The next publish follows when all subscribers have one. */
  closedLoop(inFlight: number, seconds: number): Promise<LoadMeasurement> {
    const endMs = performance.now() + seconds * 1_000;
    this.#timesEach = false;
    this.#onComplete = (nowMs) => {
      if (nowMs < endMs) this.#publish(nowMs);
    };
    for (let count = 0; count < inFlight; count += 1) this.#publish(performance.now());
    return this.#measured(`closed loop, W=${inFlight}`, (nowMs) => nowMs < endMs);
  }

  /** Until `goesOn` says no and all is received. */
  async #measured(part: string, goesOn: (nowMs: number) => boolean): Promise<LoadMeasurement> {
    const { serverPid } = this.#target;
    const completeBefore = this.#complete;
    this.#toEach.reset();
    this.#toLast.reset();
    const cpuBefore = cpuSecondsOf(serverPid);
    this.#progressMs = performance.now();
    const { wallMs, cpuMs } = await this.#loop.run((nowMs) => {
      const isSilent = nowMs > this.#progressMs + SILENCE_MS;
      return goesOn(nowMs) || (this.#complete < this.#dueMs.length && !isSilent);
    });
    const serverCpuSeconds = cpuSecondsOf(serverPid) - cpuBefore;
    const messages = this.#complete - completeBefore;
    const ids = this.#hasDistinctIds ? ", every id another" : "";
    const wires = this.#isMixed ? ", wires mixed" : "";
    this.#countLost();
    return {
      kind: "load",
      name: `fan-out 1 → ${this.#subscribers.toLocaleString("en")}${ids}${wires}, ${part}`,
      seconds: wallMs / 1_000,
      messages,
      deliveries: messages * this.#subscribers,
      latencies: (this.#timesEach ? [this.#toEach, this.#toLast] : [this.#toLast]).map((times) =>
        times.summary(),
      ),
      serverCpuSeconds,
      serverRssBytes: rssBytesOf(serverPid),
      clientCpuSeconds: cpuMs / 1_000,
    };
  }

  #publish(dueMs: number): void {
    const body = `${String(this.#dueMs.length).padStart(DIGITS, "0")}${PADDING}`;
    this.#dueMs.push(dueMs);
    this.#receipts.push(0);
    this.#publisher?.send(`SEND\ndestination:${TOPIC}\ncontent-type:text/plain\n\n${body}\0`);
    this.#loop.worked();
  }

  #received(subscriber: number, bytes: Buffer, bodyEnd: number): void {
    this.#loop.worked();
    const index = indexOf(bytes, bodyEnd - BODY_BYTES);
    const last = this.#last[subscriber] ?? -1;
    if (index <= last) {
      if (index === last) this.faults.doubled += 1;
      else this.faults.disordered += 1;
      return;
    }
    this.faults.lost += index - last - 1;
    this.#last[subscriber] = index;
    if (this.#timesEach) this.#toEach.record(performance.now() - this.#due(index));
    const receipts = (this.#receipts[index] ?? 0) + 1;
    this.#receipts[index] = receipts;
    if (receipts < this.#subscribers) return;
    const nowMs = performance.now();
    this.#complete += 1;
    this.#progressMs = nowMs;
    this.#toLast.record(nowMs - this.#due(index));
    this.#onComplete(nowMs);
  }

  #due(index: number): number {
    return this.#dueMs[index] ?? Number.NaN;
  }

  /** Gaps were counted when they showed; this is what never came after the last one received. */
  #countLost(): void {
    const newest = this.#dueMs.length - 1;
    for (const [subscriber, last] of this.#last.entries()) {
      this.faults.lost += newest - last;
      this.#last[subscriber] = newest;
    }
    this.#complete = this.#dueMs.length;
  }
}

function indexOf(bytes: Buffer, from: number): number {
  let index = 0;
  for (let at = from; at < from + DIGITS; at += 1) index = index * 10 + (bytes[at] ?? 0) - 48;
  return index;
}
