import type { Random } from "../../fuzz/random.ts";
import type { ClientRecord } from "../checker/record.ts";
import { Device } from "./device.ts";
import type { Endpoint } from "./endpoint.ts";
import { Ledger } from "./ledger.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { AbsentConversation, World } from "./world.ts";

/** Whether clients use `/app/chat.sync`. */
export type Resume = ClientRecord["resume"];

export interface CrowdOptions {
  readonly world: World;
  /** Of the device with that place in the world. */
  readonly endpointOf: (index: number) => Endpoint;
  readonly random: Random;
  readonly resume: Resume;
  /** How often clients promise to send something; 0 is no promise. */
  readonly heartBeatMs: number;
  /** How often they want to hear of the server; 0 is never. */
  readonly serverHeartBeatMs: number;
  /** Everything has come when nothing more comes for so long; 1.5 s by default. */
  readonly silenceMs?: number;
}

/** A device has so many messages under way at most: a client that is cut off does not write on. */
const WINDOW = 100;
const SILENCE_MS = 1_500;
const LOOK_EVERY_MS = 20;
const TICK_MS = 5;

/** All devices of a world, writing to each other at a rate that does not wait for the server. */
export class Crowd {
  readonly ledger = new Ledger();
  /** From send to receipt. */
  readonly stopwatch = new Stopwatch();
  /** From send to SENT. */
  readonly sentStopwatch = new Stopwatch();
  readonly devices: readonly Device[];
  /** What the server said that it should not have to say, with the first texts. */
  readonly complaints: string[] = [];
  readonly #options: CrowdOptions;
  /** By conversation, the last `seq` that was confirmed. */
  readonly #confirmedSeqs = new Map<string, number>();
  readonly #present: readonly Device[];
  readonly #traffic: ReturnType<typeof setInterval>[] = [];

  constructor(options: CrowdOptions) {
    const { world, endpointOf, random, resume, heartBeatMs, serverHeartBeatMs } = options;
    this.#options = options;
    this.devices = world.devices.map(
      (identity, index) =>
        new Device({
          ...{ identity, endpoint: endpointOf(index), random, heartBeatMs, serverHeartBeatMs },
          ledger: this.ledger,
          stopwatch: this.stopwatch,
          sentStopwatch: this.sentStopwatch,
          syncs: resume === "sync",
          conversationIds: world.conversationsOf(identity.userId).map(({ id }) => id),
          recipientIn: (id) => world.recipientOf(id, identity.userId),
          onConfirmed: (id, seq) => {
            this.#confirmedSeqs.set(id, Math.max(seq, this.#confirmedSeqs.get(id) ?? 0));
          },
          onComplaint: (text) => this.complaints.push(text),
        }),
    );
    this.#present = this.devices.filter((device) => !this.#isAbsent(device));
  }

  /** Those of the users who are away. */
  get absent(): readonly Device[] {
    return this.devices.filter((device) => this.#isAbsent(device));
  }

  get record(): ClientRecord {
    const { world, resume } = this.#options;
    const { conversations, devices } = world;
    return { conversations, devices, resume, observations: this.ledger.observations };
  }

  get connected(): number {
    return this.devices.filter((device) => device.isConnected).length;
  }

  get goodbyes(): number {
    return this.devices.reduce((sum, device) => sum + device.goodbyes, 0);
  }

  get unconfirmed(): number {
    return this.devices.reduce((sum, device) => sum + device.unconfirmed, 0);
  }

  /** All who are not away. */
  start(): void {
    for (const device of this.#present) device.start();
  }

  async stop(): Promise<void> {
    this.endTraffic();
    await Promise.all(this.devices.map((device) => device.stop()));
  }

  /**
   * Writes at that rate, until the end of all traffic. Each message has a time at which it is due,
   * whatever the server does.
   */
  beginTraffic(messagesPerSecond: number, write: () => void = () => this.writeOne()): void {
    const startMs = performance.now();
    let written = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) * messagesPerSecond) / 1_000);
      for (; written < due; written += 1) write();
    }, TICK_MS);
    this.#traffic.push(timer);
  }

  endTraffic(): void {
    for (const timer of this.#traffic.splice(0)) clearInterval(timer);
  }

  /** Somebody who is there writes to somebody, in one of the conversations that may be chosen. */
  writeOne(mayBe: (conversationId: string) => boolean = () => true): void {
    const { random, world } = this.#options;
    const device = random.pick(this.#present);
    if (!mayWrite(device)) return;
    const lively = world.livelyOf(device.identity.userId).filter(({ id }) => mayBe(id));
    if (lively.length > 0) device.write(random.pick(lively).id);
  }

  /** A message of that length to somebody who is away. */
  writeTo({ writerId, id }: AbsentConversation, length: number): void {
    const writer = this.#present.find(({ identity }) => identity.userId === writerId);
    if (writer !== undefined && mayWrite(writer)) writer.write(id, length);
  }

  /** Waits until the condition holds; false when it does not in time. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const lateMs = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > lateMs) return false;
      await Bun.sleep(LOOK_EVERY_MS);
    }
    return true;
  }

  /** All that were started are connected and caught up. */
  gathered(timeoutMs = 20_000): Promise<boolean> {
    return this.until(() => this.#started().every((device) => device.isCaughtUp), timeoutMs);
  }

  /**
   * The end: no more is written, everything is confirmed, and everybody has everything, or at least
   * nothing more comes. Who is then connected claims to have it all.
   */
  async settle(timeoutMs = 30_000): Promise<void> {
    this.endTraffic();
    const { silenceMs = SILENCE_MS } = this.#options;
    const started = this.#started();
    const startMs = performance.now();
    const hasEnded = () => {
      if (this.unconfirmed > 0 || !started.every((device) => device.isCaughtUp)) return false;
      if (started.every((device) => this.hasAll(device))) return true;
      const lastMs = Math.max(startMs, ...started.map((device) => device.lastHeardMs));
      return performance.now() - lastMs > silenceMs;
    };
    if (!(await this.until(hasEnded, timeoutMs))) {
      const away = started.filter((device) => !device.isCaughtUp).length;
      this.complaints.push(
        `after ${timeoutMs} ms ${this.unconfirmed} messages were not confirmed and ${away} devices not caught up`,
      );
    }
    await Bun.sleep(AFTERMATH_MS);
    for (const { identity } of started) {
      this.ledger.add({ kind: "settled", deviceId: identity.id });
    }
  }

  /** The device has all that was confirmed in its conversations. */
  hasAll(device: Device): boolean {
    const { conversationsOf } = this.#options.world;
    return conversationsOf(device.identity.userId).every(
      ({ id }) => device.cursorOf(id).seq >= (this.#confirmedSeqs.get(id) ?? 0),
    );
  }

  #isAbsent({ identity }: Device): boolean {
    return this.#options.world.absentIds.has(identity.userId);
  }

  #started(): Device[] {
    return this.devices.filter((device) => device.isStarted);
  }
}

function mayWrite(device: Device): boolean {
  return device.isConnected && device.unconfirmed < WINDOW;
}

/** How long something unexpected may follow. */
const AFTERMATH_MS = 150;
