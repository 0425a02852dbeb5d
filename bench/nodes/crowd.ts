import { ClientHeartbeats } from "../load/client-heartbeats.ts";
import { connectMany, StompClient } from "../load/stomp-client.ts";
import { countLost, noFaults } from "../measurement.ts";
import type { CrowdWork, InstallationTarget, NodesResult } from "./job.ts";
import { nodeOfMember } from "./placement.ts";
import type { Phase } from "./samples.ts";
import type { PhaseWork, UsageMeter } from "./usage.ts";

/** Presence is told when nothing has been for so long. */
const QUIET_MS = 300;
/** A visitor's. */
const STAY_MS = 1_000;
/** Between the last connection's end and OFFLINE, in the bench. */
export const GRACE_MS = 500;
/** What has not been told is lost when nothing at all was for so long. */
const SILENCE_MS = 10_000;

/**
 * Users come, live and go; on each node somebody watches everybody's presence, and is told of all, on
 * whichever node they are. A phase ends when they know.
 */
export async function runCrowd(
  work: CrowdWork,
  nodes: InstallationTarget["nodes"],
  meter: UsageMeter,
): Promise<NodesResult> {
  const { users, heartbeatMs, idleSeconds, visitsPerSecond, visitSeconds } = work;
  const crowd = new Crowd(nodes, heartbeatMs);
  await crowd.watch();
  const steps = [0, ...users];
  const most = Math.max(...steps);
  const phases: Phase[] = [];
  const idle = async (size: number) => {
    phases.push(await meter.measure({ work: "idle", size }, () => crowd.live(idleSeconds)));
  };
  // As many as are measured, so that as many of those before are let go of meanwhile.
  await crowd.visit(2 * visitsPerSecond, visitSeconds / 2);
  await idle(0);
  phases.push(
    await meter.measure({ work: "visits", size: visitsPerSecond }, () =>
      crowd.visit(visitsPerSecond, visitSeconds),
    ),
  );
  for (const size of users) {
    phases.push(await meter.measure({ work: "arrive", size }, () => crowd.arrive(size)));
  }
  await idle(most);
  for (const size of steps.toReversed().slice(1)) {
    phases.push(await meter.measure({ work: "leave", size }, () => crowd.leave(size)));
  }
  crowd.end();
  return { phases, faults: crowd.faults };
}

class Crowd {
  readonly faults = noFaults();
  readonly #nodes: InstallationTarget["nodes"];
  readonly #heartbeatMs: number;
  readonly #clients: StompClient[] = [];
  readonly #watchers: StompClient[] = [];
  readonly #beats: ClientHeartbeats;
  #told = 0;
  #visitors = 0;

  constructor(nodes: InstallationTarget["nodes"], heartbeatMs: number) {
    this.#nodes = nodes;
    this.#heartbeatMs = heartbeatMs;
    this.#beats = new ClientHeartbeats(this.#clients, heartbeatMs);
  }

  async watch(): Promise<void> {
    for (const [index, { port }] of this.#nodes.entries()) {
      const userId = `watches-${index}`;
      const watcher = await StompClient.connect({
        ...{ port, userId, heartBeat: "0,0" },
        onMessage: () => {
          this.#told += 1;
        },
        onLost: countLost(this.faults, userId),
      });
      await watcher.subscribe({ p: "/topic/presence" });
      this.#watchers.push(watcher);
    }
    await this.#quiet();
  }

  async arrive(size: number): Promise<PhaseWork> {
    const first = this.#clients.length;
    return this.#knownToAll(size - first, 1, async () => {
      await connectMany(size - first, (index) => {
        const place = first + index;
        return this.#connect(place, `idle-${place}`, (client) => {
          this.#clients.push(client); // It sends heart-beats while others still come.
        });
      });
    });
  }

  async leave(size: number): Promise<PhaseWork> {
    const leaving = this.#clients.splice(size);
    return this.#knownToAll(leaving.length, 1, () => {
      for (const client of leaving) client.close();
    });
  }

  async live(seconds: number): Promise<PhaseWork> {
    await Bun.sleep(seconds * 1_000);
    const count = this.#clients.length;
    const nothing = { deliveries: 0, repeated: 0, latencies: [], clientCpuSeconds: 0 };
    return { seconds, count, ...nothing };
  }

  end(): void {
    this.#beats.stop();
    for (const client of [...this.#clients, ...this.#watchers]) client.close();
  }

  /** Each visitor is a new user, by turns on each node, and comes whether those before are there or not. */
  async visit(perSecond: number, seconds: number): Promise<PhaseWork> {
    const count = Math.round(perSecond * seconds);
    return this.#knownToAll(count, 2, async () => {
      const startMs = performance.now();
      const visits: Promise<void>[] = [];
      for (let made = 0; made < count; made += 1) {
        const waitMs = startMs + (made * 1_000) / perSecond - performance.now();
        if (waitMs > 0) await Bun.sleep(waitMs);
        visits.push(this.#visitOne());
      }
      await Promise.all(visits);
    });
  }

  async #visitOne(): Promise<void> {
    const place = this.#visitors++;
    const client = await this.#connect(place, `visitor-${place}`, () => {});
    await Bun.sleep(STAY_MS);
    client.close();
  }

  /** Every watcher is told so often of each of so many users. */
  async #knownToAll(
    count: number,
    times: number,
    act: () => void | Promise<void>,
  ): Promise<PhaseWork> {
    const startMs = performance.now();
    const cpuBefore = process.cpuUsage();
    const before = this.#told;
    const expected = count * times * this.#watchers.length;
    await act();
    let progressMs = performance.now();
    for (let told = -1; this.#told - before < expected; ) {
      if (this.#told !== told) progressMs = performance.now();
      told = this.#told;
      if (performance.now() - progressMs > SILENCE_MS) break;
      await Bun.sleep(10);
    }
    this.faults.lost += Math.max(0, expected - (this.#told - before));
    const { user, system } = process.cpuUsage(cpuBefore);
    return {
      seconds: (performance.now() - startMs) / 1_000,
      ...{ count, deliveries: this.#told - before, repeated: 0, latencies: [] },
      clientCpuSeconds: (user + system) / 1e6,
    };
  }

  /** Resolves when no message has come to anyone for a while. */
  async #quiet(): Promise<void> {
    for (let told = -1; told !== this.#told; ) {
      told = this.#told;
      await Bun.sleep(QUIET_MS);
    }
  }

  /** @param onConnected before its subscriptions */
  async #connect(
    place: number,
    userId: string,
    onConnected: (client: StompClient) => void,
  ): Promise<StompClient> {
    const node = nodeOfMember(place, this.#nodes.length, "spread");
    const client = await StompClient.connect({
      ...{ port: this.#nodes[node]?.port ?? 0, userId },
      heartBeat: `${this.#heartbeatMs},${this.#heartbeatMs}`,
      onMessage: () => {},
      onLost: countLost(this.faults, userId),
    });
    onConnected(client);
    await client.subscribe({
      "sub-0": `/user/${userId}/queue/messages`,
      "sub-1": `/user/${userId}/queue/confirmations`,
      "sub-2": `/user/${userId}/queue/receipts`,
      "sub-3": `/user/${userId}/queue/errors`,
      "sub-4": "/topic/quiet",
    });
    return client;
  }
}
