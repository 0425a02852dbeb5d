import { setTimeout as sleep } from "node:timers/promises";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { carriers } from "./carriers/all.ts";
import { converse, type Place } from "./conversation.ts";
import { residentMiB } from "./memory.ts";
import { Random } from "./random.ts";
import { type Finding, shrink } from "./shrink.ts";
import { Tally } from "./tally.ts";
import { Witnesses } from "./witnesses.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** Frames that the reference judges; unread ones do not count. */
  readonly frames: number;
  readonly seconds: number;
  readonly connections: number;
  readonly patienceMs: number;
  /** Only this conversation, to see it again. */
  readonly only: number | null;
  readonly progress: (text: string) => void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly seconds: number;
  readonly tally: Tally;
  readonly witnessed: number;
  /** RSS of the server with only the witnesses connected: after the first part, and each further. */
  readonly residentMiB: readonly number[];
  readonly findings: readonly Finding[];
  /** What no single connection is to blame for. */
  readonly faults: readonly string[];
}

/** Users may send as fast as they can; queues that nobody empties are soon full. */
const FLAGS = [
  ...["--tcp-port=0", "--limits-messages-per-second=0", "--limits-subscribes-per-second=0"],
  "--limits-typing-per-second=0",
  "--limits-send-buffer-bytes=16777216", // Slow readers are another matter.
  "--limits-connect-frame-bytes=131072", // The reference does not wait for CONNECTED.
  ...["--limits-queue-messages=200", "--limits-queue-bytes=4194304"],
];

/** Memory is looked at after each of so many parts; the first is the warm-up. */
const PARTS = 5;
/** Findings beyond these are counted, and not shrunk. */
const SHRUNK = 3;
const MANY = 20;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const server = await startParley({ flags: FLAGS });
  try {
    return await new Run(options, server).run();
  } finally {
    await server.stop();
  }
}

class Run {
  readonly #tally = new Tally();
  readonly #findings: Finding[] = [];
  readonly #faults: string[] = [];
  readonly #resident: number[] = [];
  readonly #place: Place;
  #next = 0;
  #isOver = false;

  constructor(
    readonly options: FuzzOptions,
    readonly server: ParleyProcess,
  ) {
    const { patienceMs } = options;
    const ports = { http: server.port, tcp: server.tcpPort };
    this.#place = { ports, patienceMs, tally: this.#tally };
  }

  async run(): Promise<FuzzReport> {
    const { options, server } = this;
    const startedMs = Date.now();
    const witnesses = await Witnesses.start(server);
    const timer = setTimeout(() => {
      this.#isOver = true;
    }, options.seconds * 1_000);
    await this.#talk(witnesses.count);
    clearTimeout(timer);
    this.#faults.push(...(await witnesses.verdict()), ...complaintsIn(server.log()));
    await witnesses.close();
    return {
      ...{ seed: options.seed, tally: this.#tally, witnessed: witnesses.sent },
      seconds: (Date.now() - startedMs) / 1_000,
      residentMiB: this.#resident,
      findings: await this.#shrunk(),
      faults: [...this.#faults, ...memoryFaults(this.#resident, this.#tally.frames)],
    };
  }

  async #talk(witnesses: number): Promise<void> {
    const { only, frames, connections } = this.options;
    if (only !== null) {
      await this.#conversation(only);
      return;
    }
    for (let part = 1; part <= PARTS && !this.#isOver; part += 1) {
      const target = (frames * part) / PARTS;
      const slots = Array.from({ length: connections }, () => this.#slot(target));
      await Promise.all(slots);
      await this.#quiet(witnesses);
      this.#resident.push(residentMiB(this.server.pid));
      this.options.progress(`${this.#tally.frames} frames, ${this.#resident.at(-1)} MiB`);
    }
  }

  /** One conversation after another. */
  async #slot(target: number): Promise<void> {
    while (!this.#isOver && this.#tally.frames < target) {
      const index = this.#next;
      this.#next += 1;
      await this.#conversation(index);
    }
  }

  async #conversation(index: number): Promise<void> {
    const carrier = carriers[index % carriers.length];
    if (carrier === undefined) return;
    try {
      const random = new Random(this.options.seed, index);
      const { faults, script } = await converse(carrier, random, this.#place);
      const [fault] = faults;
      if (fault !== undefined) this.#findings.push({ index, carrier, fault, script });
    } catch (fault) {
      this.#faults.push(`conversation ${index}: ${fault}`);
    }
    if (this.#findings.length + this.#faults.length >= MANY) this.#isOver = true;
  }

  /** Every connection but the witnesses' is gone, for the server too. */
  async #quiet(witnesses: number): Promise<void> {
    const lateMs = Date.now() + 3 * this.options.patienceMs;
    for (;;) {
      const answer = await fetch(`${this.server.url}/api/websocket/health`).catch(() => null);
      if (answer === null) {
        this.#faults.push("the server is gone");
        this.#isOver = true;
        return;
      }
      const { activeConnections }: { activeConnections: number } = await answer.json();
      if (activeConnections === witnesses) return;
      if (Date.now() > lateMs) {
        this.#faults.push(`${activeConnections} connections where ${witnesses} are left`);
        return;
      }
      await sleep(50);
    }
  }

  async #shrunk(): Promise<Finding[]> {
    const findings = [...this.#findings];
    for (const [index, finding] of findings.slice(0, SHRUNK).entries()) {
      const place = { ...this.#place, tally: new Tally() };
      findings[index] = await shrink(finding, place).catch(() => finding);
    }
    return findings;
  }
}

/** What the server logged as its own fault. */
export function complaintsIn(log: string): string[] {
  const lines = log
    .split("\n")
    .filter((line) => /"level":"?(error|fatal|[56]0)|INTERNAL/.test(line));
  return lines.slice(0, 5).map((line) => `the server logged ${line.slice(0, 500)}`);
}

/** A collector takes what it wants before it gives anything back; a leak grows with the frames. */
export const MEMORY_SLACK_MIB = 96;
const MEMORY_BYTES_PER_FRAME = 64;

export function memoryFaults(residentMiB: readonly number[], frames: number): string[] {
  const [first = 0] = residentMiB;
  const last = residentMiB.at(-1) ?? 0;
  const allowed = MEMORY_SLACK_MIB + (frames * MEMORY_BYTES_PER_FRAME) / 2 ** 20;
  if (last - first <= allowed) return [];
  return [
    `RSS grew from ${first} to ${last} MiB; ${Math.round(allowed)} MiB may be the collector's`,
  ];
}
