import type { BackplaneListener } from "../../src/broker/backplane.ts";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import type { Clock, Timer } from "../../src/clock.ts";
import { Cluster } from "../../src/nodes/cluster.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness } from "./chat-harness.ts";
import { FakeClock } from "./fake-clock.ts";
import { InProcessBackplane, InProcessNetwork } from "./in-process-backplane.ts";
import { RecordedLog } from "./recorded-log.ts";

const STEP_MS = 10;

/** The time of one process: it goes on while the process stands, which then does all at once. */
class ProcessClock implements Clock {
  /** What is due while the process stands; null: it runs. */
  held: (() => void)[] | null = null;
  wallOffsetMs = 0;

  constructor(readonly time: FakeClock) {}

  readonly now = (): number => this.time.now() + this.wallOffsetMs;

  monotonicMs(): number {
    return this.time.monotonicMs();
  }

  schedule(delayMs: number, task: () => void): Timer {
    let isCancelled = false;
    const run = () => {
      if (isCancelled) return;
      if (this.held === null) task();
      else this.held.push(run);
    };
    const timer = this.time.schedule(delayMs, run);
    return {
      cancel() {
        isCancelled = true;
        timer.cancel();
      },
    };
  }
}

/** What comes waits while its process stands. */
class PausableBackplane extends InProcessBackplane {
  held: (() => void)[] | null = null;

  override start(listener: BackplaneListener): void {
    super.start({
      ...listener,
      received: (origin, channel, payload) => {
        const take = () => listener.received(origin, channel, payload);
        if (this.held === null) take();
        else this.held.push(take);
      },
    });
  }
}

/** A node as far as presence goes. */
export class PresenceNodeProcess {
  readonly clock: ProcessClock;
  readonly backplane: PausableBackplane;
  readonly cluster: Cluster;
  readonly log = new RecordedLog();
  /** Of other nodes. */
  deaths = 0;
  isLeader: boolean;
  readonly #harness;

  constructor(
    readonly id: string,
    network: InProcessNetwork,
    { time, run, graceMs, ttlMs, store, version = "1.2.3", ...traits }: NodeOptions,
  ) {
    this.isLeader = traits.isLeader ?? true;
    this.clock = new ProcessClock(time);
    this.#harness = chatHarness(store, { clock: this.clock, graceMs });
    this.backplane = new PausableBackplane(id, network);
    const channels = new NodeChannels(this.backplane, () => {});
    const { presence } = this;
    this.cluster = new Cluster({
      ...{ channels, clock: this.clock, run, presence, ttlMs, log: this.log },
      onDeath: () => {
        this.deaths += 1;
      },
      self: {
        ...{ version, startedMs: this.clock.now() },
        connections: () => presence.hereCount,
        users: () => presence.hereCount,
        isLeader: () => this.isLeader,
        settings: new Map(Object.entries(traits.settings ?? {})),
      },
    });
    channels.start();
    this.cluster.start();
  }

  get presence() {
    return this.#harness.chat.presence;
  }

  connect(userId: string): void {
    this.presence.connected(userId, `${userId}'s name`);
  }

  /** What listeners of this node were told: of one user the statuses, or of all `user status`. */
  heard(userId?: string): unknown[] {
    const events = this.#harness.outlet.of("presence").map(({ body }) => body);
    if (userId === undefined) return events.map((event) => `${event.userId} ${event.status}`);
    return events.filter((event) => event.userId === userId).map(({ status }) => status);
  }

  lastSeen(userId: string): unknown {
    const events = this.#harness.outlet.of("presence").map(({ body }) => body);
    return events.findLast((event) => event.userId === userId)?.lastSeen;
  }

  /** Who is there, and how, as this node has it. */
  view(): Record<string, string> {
    const users = this.presence.online(1_000_000, () => true);
    return Object.fromEntries(users.map(({ userId, status }) => [userId, status]).toSorted());
  }

  /** The other nodes that it holds to live. */
  known(): string[] {
    return this.cluster
      .list()
      .slice(1)
      .map(({ id }) => id)
      .toSorted();
  }

  get isPaused(): boolean {
    return this.clock.held !== null;
  }

  /** As by SIGSTOP. */
  pause(): void {
    this.clock.held = [];
    this.backplane.held = [];
  }

  /** As by SIGCONT: timers first, as an event loop has it. */
  resume(): void {
    const { held: tasks } = this.clock;
    const { held: messages } = this.backplane;
    this.clock.held = null;
    this.backplane.held = null;
    for (const task of tasks ?? []) task();
    for (const take of messages ?? []) take();
  }

  /** As by SIGKILL. */
  kill(): void {
    this.pause();
    this.backplane.network.nodes.delete(this.backplane);
  }

  /** In order. */
  async stop(): Promise<void> {
    this.cluster.stop();
    await this.backplane.close();
    await this.#harness.chat.stop();
  }
}

/** What a node says of itself. */
interface NodeTraits {
  readonly version?: string;
  readonly settings?: Readonly<Record<string, number>>;
  readonly isLeader?: boolean;
}

interface NodeOptions extends NodeTraits {
  readonly time: FakeClock;
  readonly run: string;
  readonly graceMs: number;
  readonly ttlMs: number;
  readonly store: MemoryChatStore;
}

/** An installation of nodes that share a store and a time. */
export class PresenceNodes {
  readonly time = new FakeClock();
  readonly network = new InProcessNetwork();
  readonly store = new MemoryChatStore();
  #runs = 0;

  constructor(readonly graceMs = 5_000) {}

  start(id: string, traits: NodeTraits = {}): PresenceNodeProcess {
    this.#runs += 1;
    const { time, graceMs, store, network } = this;
    const options = { time, run: `run-${this.#runs}`, graceMs, ttlMs: 300_000, store, ...traits };
    return new PresenceNodeProcess(id, network, options);
  }

  /** Three nodes that know each other. */
  async three(): Promise<[PresenceNodeProcess, PresenceNodeProcess, PresenceNodeProcess]> {
    const nodes = [this.start("a"), this.start("b"), this.start("c")] as const;
    await this.pass(1_000);
    return [...nodes];
  }

  /** What is sent arrives meanwhile. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.time.advance(Math.min(STEP_MS, ms - passed));
      await arrivals();
    }
    await arrivals();
  }
}

async function arrivals(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
