import { countLost, noFaults, type Outcome } from "../measurement.ts";
import { after, numberAt } from "./frame-fields.ts";
import type { StormScenario, Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { cpuSecondsOf, rssBytesOf } from "./server-usage.ts";
import { StompClient } from "./stomp-client.ts";

/** What code and buffers cost just once is paid for by these. */
const WARM_UP = 200;
/** Senders of what waits: each is the other one of so many conversations. */
const RECIPIENTS_OF_SENDER = 50;
/** What has not come is lost when nothing at all came for so long. */
const SILENCE_MS = 10_000;
const CONTENT = "x".repeat(128);
const SEQ = Buffer.from('"seq":');

/** Everybody comes at once, with the usual subscriptions, and gets what waited. */
export async function runStorm(scenario: StormScenario, target: Target): Promise<Outcome> {
  const { connections, waiting, watchesPresence } = scenario;
  const storm = new Storm(scenario, target);
  if (waiting > 0) await storm.leaveMessages();
  await storm.arrive(0, WARM_UP);
  storm.forgetTimes();
  const cpuBefore = cpuSecondsOf(target.serverPid);
  const startMs = performance.now();
  const clientBefore = process.cpuUsage();
  await storm.arrive(WARM_UP, WARM_UP + connections);
  const { user, system } = process.cpuUsage(clientBefore);
  const seconds = (performance.now() - startMs) / 1_000;
  const serverCpuSeconds = cpuSecondsOf(target.serverPid) - cpuBefore;
  storm.close();
  const backlog = waiting === 0 ? "" : `, ${waiting} messages waiting for each`;
  const alone = watchesPresence ? "" : " that nobody is told of";
  return {
    measurements: [
      {
        kind: "load",
        name: `storm, ${connections.toLocaleString("en")} CONNECTs${alone}${backlog}`,
        seconds,
        messages: connections,
        deliveries: storm.deliveries,
        latencies: storm.latencies.map((latencies) => latencies.summary()),
        serverCpuSeconds,
        serverRssBytes: rssBytesOf(target.serverPid),
        clientCpuSeconds: (user + system) / 1e6,
      },
    ],
    faults: storm.faults,
  };
}

class Storm {
  readonly faults = noFaults();
  /** What waited, and everybody's presence to all who came before. */
  deliveries = 0;
  readonly #toSubscribed = new Latencies("open → five subscriptions");
  readonly #toCaughtUp = new Latencies("open → the last that waited");
  readonly latencies: Latencies[];
  readonly #scenario: StormScenario;
  readonly #target: Target;
  readonly #clients: StompClient[] = [];

  constructor(scenario: StormScenario, target: Target) {
    this.#scenario = scenario;
    this.#target = target;
    this.latencies =
      scenario.waiting > 0 ? [this.#toSubscribed, this.#toCaughtUp] : [this.#toSubscribed];
  }

  forgetTimes(): void {
    for (const latencies of this.latencies) latencies.reset();
    this.deliveries = 0;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** The messages are on disk when this resolves. */
  async leaveMessages(): Promise<void> {
    const { connections, waiting } = this.#scenario;
    const users = WARM_UP + connections;
    for (let first = 0; first < users; first += RECIPIENTS_OF_SENDER) {
      const last = Math.min(users, first + RECIPIENTS_OF_SENDER);
      const count = (last - first) * waiting;
      const stored = Promise.withResolvers<void>();
      let confirmed = 0;
      const client = await StompClient.connect({
        ...this.#options(`sender-${first}`),
        onMessage: (bytes, start, end) => {
          confirmed += 1;
          if (after(bytes, SEQ, start, end) === -1) {
            stored.reject(
              new Error(`What should wait was refused: ${bytes.toString("utf8", start, end)}`),
            );
          } else if (confirmed === count) stored.resolve();
        },
      });
      await client.subscribe({ c: "/user/queue/confirmations", e: "/user/queue/errors" });
      for (let user = first; user < last; user += 1) {
        for (let number = 0; number < waiting; number += 1) {
          const message = { conversationId: `waits-${user}`, recipientId: `storm-${user}` };
          const body = JSON.stringify({ ...message, content: CONTENT });
          client.send(`SEND\ndestination:/app/chat.send\n\n${body}\0`);
        }
      }
      await stored.promise;
      client.close();
    }
  }

  /** As many at once as the scenario says, until all have what they came for. */
  async arrive(first: number, end: number): Promise<void> {
    let next = first;
    const one = async () => {
      while (next < end) await this.#arriveOne(next++);
    };
    await Promise.all(Array.from({ length: this.#scenario.atOnce }, one));
  }

  async #arriveOne(user: number): Promise<void> {
    const { waiting, watchesPresence } = this.#scenario;
    const userId = `storm-${user}`;
    const caughtUp = Promise.withResolvers<void>();
    let seq = 0;
    if (waiting === 0) caughtUp.resolve();
    const startMs = performance.now();
    const client = await StompClient.connect({
      ...this.#options(userId),
      onMessage: (bytes, start, end) => {
        this.deliveries += 1;
        const at = after(bytes, SEQ, start, end);
        if (at === -1) return; // Somebody's presence.
        const got = numberAt(bytes, at);
        if (got <= seq) this.faults.doubled += 1;
        else if (got > seq + 1) this.faults.disordered += 1;
        seq = got;
        if (seq === waiting) caughtUp.resolve();
      },
    });
    this.#clients.push(client);
    await client.subscribe({
      "sub-0": `/user/${userId}/queue/messages`,
      "sub-1": `/user/${userId}/queue/confirmations`,
      "sub-2": `/user/${userId}/queue/receipts`,
      "sub-3": `/user/${userId}/queue/errors`,
      "sub-4": watchesPresence ? "/topic/presence" : "/topic/quiet",
    });
    this.#toSubscribed.record(performance.now() - startMs);
    if (waiting === 0) return;
    const timer = setTimeout(() => caughtUp.resolve(), SILENCE_MS);
    await caughtUp.promise;
    clearTimeout(timer);
    this.faults.lost += waiting - seq;
    this.#toCaughtUp.record(performance.now() - startMs);
  }

  #options(userId: string) {
    return {
      port: this.#target.port,
      userId,
      heartBeat: "0,0",
      onLost: countLost(this.faults, userId),
    };
  }
}
