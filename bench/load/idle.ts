import { countLost, type IdleMeasurement, noFaults, type Outcome } from "../measurement.ts";
import { ClientHeartbeats } from "./client-heartbeats.ts";
import type { IdleScenario, Target } from "./job.ts";
import { cpuSecondsOf, rssBytesOf } from "./server-usage.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

/** From one heart-beat to the next at most so many intervals: a client waits for twice as many. */
const LATE_AFTER = 1.25;
/** The presence of thousands is on its way for longer than they take to connect. */
const QUIET_MS = 1_500;

/** Connections with the usual subscriptions that do nothing but live: their memory, their heart-beats. */
export async function runIdle(scenario: IdleScenario, target: Target): Promise<Outcome> {
  const { connections, warmUpConnections, seconds } = scenario;
  const { serverPid } = target;
  const crowd = new Crowd(target, scenario.heartbeatMs);
  await crowd.join(warmUpConnections); // What code and buffers of the server cost just once.
  await crowd.quiet();
  const rssBytesBefore = rssBytesOf(serverPid);
  const startMs = performance.now();
  const cpuAtStart = cpuSecondsOf(serverPid);
  await crowd.join(connections);
  const connectSeconds = (performance.now() - startMs) / 1_000;
  await crowd.quiet();
  const cpuWhenSettled = cpuSecondsOf(serverPid);
  const connectCpuSeconds = cpuWhenSettled - cpuAtStart;
  const heartbeatsWhenSettled = crowd.heartbeats;
  crowd.judgesFromMs = performance.now();
  await Bun.sleep(seconds * 1_000);
  const measurement: IdleMeasurement = {
    kind: "idle",
    name: `idle, ${connections.toLocaleString("en")} connections`,
    connections,
    rssBytesBefore,
    rssBytesAfter: rssBytesOf(serverPid),
    connectSeconds,
    connectCpuSeconds,
    idleSeconds: seconds,
    idleCpuSeconds: cpuSecondsOf(serverPid) - cpuWhenSettled,
    heartbeats: crowd.heartbeats - heartbeatsWhenSettled,
    lateHeartbeats: crowd.lateHeartbeats,
  };
  crowd.leave();
  return { measurements: [measurement], faults: crowd.faults };
}

class Crowd {
  readonly faults = noFaults();
  heartbeats = 0;
  lateHeartbeats = 0;
  /** Heart-beats are judged by the one before, if that came after. */
  judgesFromMs = Number.POSITIVE_INFINITY;
  readonly #target: Target;
  readonly #heartbeatMs: number;
  readonly #clients: StompClient[] = [];
  readonly #beats: ClientHeartbeats;
  #messages = 0;

  constructor(target: Target, heartbeatMs: number) {
    this.#target = target;
    this.#heartbeatMs = heartbeatMs;
    this.#beats = new ClientHeartbeats(this.#clients, heartbeatMs);
  }

  async join(count: number): Promise<void> {
    const first = this.#clients.length;
    await connectMany(count, (index) => this.#one(`idle-${first + index}`));
  }

  /** Resolves when no message has come to anyone for a while. */
  async quiet(): Promise<void> {
    let before = Number.NaN;
    while (before !== this.#messages) {
      before = this.#messages;
      await Bun.sleep(QUIET_MS);
    }
  }

  leave(): void {
    this.#beats.stop();
    for (const client of this.#clients) client.close();
  }

  async #one(userId: string): Promise<StompClient> {
    let lastMs = Number.NaN;
    const client = await StompClient.connect({
      port: this.#target.port,
      userId,
      heartBeat: `${this.#heartbeatMs},${this.#heartbeatMs}`,
      onMessage: () => {
        this.#messages += 1;
      },
      onHeartbeat: () => {
        const nowMs = performance.now();
        const isJudged = lastMs >= this.judgesFromMs;
        if (isJudged && nowMs - lastMs > LATE_AFTER * this.#heartbeatMs) this.lateHeartbeats += 1;
        lastMs = nowMs;
        this.heartbeats += 1;
      },
      onLost: countLost(this.faults, userId),
    });
    this.#clients.push(client); // It sends heart-beats while others still join.
    await client.subscribe({
      "sub-0": `/user/${userId}/queue/messages`,
      "sub-1": `/user/${userId}/queue/confirmations`,
      "sub-2": `/user/${userId}/queue/receipts`,
      "sub-3": `/user/${userId}/queue/errors`,
      "sub-4": "/topic/presence",
    });
    return client;
  }
}
