import type { Random } from "../../fuzz/random.ts";
import type { Record } from "../checker/record.ts";
import { Device, type Endpoint } from "./device.ts";
import { Ledger } from "./ledger.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { World } from "./world.ts";

/** Whether clients use `/app/chat.sync`. */
export type Resume = Record["resume"];

export interface CrowdOptions {
  readonly world: World;
  readonly endpoint: Endpoint;
  readonly random: Random;
  readonly resume: Resume;
}

/** A device has so many messages under way at most: a client that is cut off does not write on. */
const WINDOW = 100;
/** Everything has come when nothing more comes for so long. */
const SILENCE_MS = 1_500;
const LOOK_EVERY_MS = 20;
const TICK_MS = 5;

/** All devices of a world, writing to each other at a rate that does not wait for the server. */
export class Crowd {
  readonly ledger = new Ledger();
  readonly stopwatch = new Stopwatch();
  readonly devices: readonly Device[];
  /** What the server said that it should not have to say, with the first texts. */
  readonly complaints: string[] = [];
  readonly #options: CrowdOptions;
  #traffic: ReturnType<typeof setInterval> | null = null;

  constructor(options: CrowdOptions) {
    const { world, endpoint, random, resume } = options;
    this.#options = options;
    this.devices = world.devices.map(
      (identity) =>
        new Device({
          ...{ identity, endpoint, random },
          ledger: this.ledger,
          stopwatch: this.stopwatch,
          syncs: resume === "sync",
          recipientIn: (id) => world.recipientOf(id, identity.userId),
          onComplaint: (text) => this.complaints.push(text),
        }),
    );
  }

  get record(): Record {
    const { world, resume } = this.#options;
    const { conversations, devices } = world;
    return { conversations, devices, resume, observations: this.ledger.observations };
  }

  get connected(): number {
    return this.devices.filter((device) => device.isConnected).length;
  }

  get unconfirmed(): number {
    return this.devices.reduce((sum, device) => sum + device.unconfirmed, 0);
  }

  start(): void {
    for (const device of this.devices) device.start();
  }

  async stop(): Promise<void> {
    this.endTraffic();
    await Promise.all(this.devices.map((device) => device.stop()));
  }

  /** Each message has a time at which it is due, whatever the server does. */
  beginTraffic(messagesPerSecond: number): void {
    this.endTraffic();
    const startMs = performance.now();
    let written = 0;
    this.#traffic = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) * messagesPerSecond) / 1_000);
      for (; written < due; written += 1) this.writeOne();
    }, TICK_MS);
  }

  endTraffic(): void {
    if (this.#traffic !== null) clearInterval(this.#traffic);
    this.#traffic = null;
  }

  /** Somebody who is there writes to somebody. */
  writeOne(): void {
    const { random, world } = this.#options;
    const device = random.pick(this.devices);
    if (!device.isConnected || device.unconfirmed >= WINDOW) return;
    device.write(random.pick(world.conversationsOf(device.identity.userId)).id);
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

  /** All are connected and caught up. */
  gathered(timeoutMs = 20_000): Promise<boolean> {
    return this.until(() => this.devices.every((device) => device.isCaughtUp), timeoutMs);
  }

  /**
   * The end: no more is written, everything is confirmed, and everybody has everything, or at least
   * nothing more comes. Who is then connected claims to have it all.
   */
  async settle(timeoutMs = 30_000): Promise<void> {
    this.endTraffic();
    const startMs = performance.now();
    const hasEnded = () => {
      if (this.unconfirmed > 0 || !this.devices.every((device) => device.isCaughtUp)) return false;
      if (this.#hasAll()) return true;
      const lastMs = Math.max(startMs, ...this.devices.map((device) => device.lastHeardMs));
      return performance.now() - lastMs > SILENCE_MS;
    };
    const settled = await this.until(hasEnded, timeoutMs);
    if (!settled) {
      const away = this.devices.filter((device) => !device.isCaughtUp).length;
      this.complaints.push(
        `after ${timeoutMs} ms ${this.unconfirmed} messages were not confirmed and ${away} devices not caught up`,
      );
    }
    await Bun.sleep(AFTERMATH_MS);
    for (const { identity } of this.devices) {
      this.ledger.add({ kind: "settled", deviceId: identity.id });
    }
  }

  #hasAll(): boolean {
    const { conversations } = this.#options.world;
    return conversations.every(({ id, memberIds }) => {
      const members = this.devices.filter(({ identity }) => memberIds.includes(identity.userId));
      const highest = Math.max(0, ...members.map((device) => device.highestOf(id)));
      return members.every((device) => device.cursorOf(id).seq === highest);
    });
  }
}

/** How long something unexpected may follow. */
const AFTERMATH_MS = 150;
