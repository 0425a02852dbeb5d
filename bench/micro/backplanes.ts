/**
 * What carries messages between processes of one machine: the hub on a Unix domain socket, and Redis
 * by TCP and by its own Unix domain socket. `bun bench/micro/backplanes.ts [MESSAGES]`. One process
 * publishes, one listens and answers, one carries; the ways take turns, and all is from one run.
 */
import { Hub } from "../../src/backplane/hub.ts";
import { HubBackplane } from "../../src/backplane/hub-backplane.ts";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import type { Backplane } from "../../src/broker/backplane.ts";
import { systemClock } from "../../src/clock.ts";
import { RedisServer } from "../../test/support/redis-server.ts";
import { TemporaryFolder } from "../../test/support/temporary-folder.ts";
import { cpuSecondsOf } from "../load/server-usage.ts";

const [first = "200000", role, way = "", place = ""] = process.argv.slice(2);
const MESSAGES = Number(first);
/** A short chat message as it goes between nodes, about. */
const PAYLOAD = Buffer.alloc(300, "x");
/** Published in a turn of the event loop. */
const TURN = 50;
/** On their way at a time, so that nothing is dropped. */
const WINDOW = 5_000;
const ACKNOWLEDGED_EVERY = 500;
const ROUND_TRIPS = 3_000;
const ROUNDS = 3;
const PENDING_BYTES = 64 * 1024 * 1024;

function node(nodeId: string): Backplane {
  const common = { nodeId, clock: systemClock, random: Math.random, pendingBytes: PENDING_BYTES };
  if (way === "hub") return new HubBackplane({ ...common, path: place });
  const redis = { url: place, prefix: "bench:", timeoutMs: 5_000, reconnectMs: 1_000 };
  return new RedisBackplane({ ...common, ...redis });
}

/** Resolves when the channels are listened to. */
function listen(backplane: Backplane, channels: readonly string[], received: Received) {
  const waiting = new Set(channels);
  return new Promise<void>((resolve) => {
    backplane.start({
      received: (_origin, channel) => received(channel),
      subscribed(channel) {
        waiting.delete(channel);
        if (waiting.size === 0) resolve();
      },
      gap() {},
      changed(reason) {
        if (reason === null) for (const channel of channels) backplane.subscribe(channel);
      },
    });
  });
}

type Received = (channel: string) => void;

async function runListener(): Promise<void> {
  const backplane = node("listener");
  let count = 0;
  await listen(backplane, ["messages", "ping"], (channel) => {
    if (channel === "ping") {
      backplane.publish("pong", PAYLOAD);
      return;
    }
    count += 1;
    if (count % ACKNOWLEDGED_EVERY === 0) backplane.publish("taken", new Uint8Array());
  });
  process.send?.("ready");
}

interface Figures {
  readonly messages: number;
  readonly seconds: number;
  /** Of the publisher, the listener and what is between them. */
  readonly cpu: readonly number[];
  readonly roundTripsMs: readonly number[];
}

async function runPublisher(): Promise<void> {
  const backplane = node("publisher");
  let taken = 0;
  let told = () => {};
  await listen(backplane, ["taken", "pong"], (channel) => {
    if (channel === "taken") taken += ACKNOWLEDGED_EVERY;
    told();
  });
  const next = () =>
    new Promise<void>((resolve) => {
      told = resolve;
    });
  process.send?.("ready");
  process.on("message", async () => {
    const begin = performance.now();
    taken = 0;
    for (let sent = 0; sent < MESSAGES; ) {
      while (sent - taken > WINDOW - TURN) await next();
      for (let count = 0; count < TURN; count += 1) backplane.publish("messages", PAYLOAD);
      sent += TURN;
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (taken < MESSAGES) await next();
    const seconds = (performance.now() - begin) / 1_000;
    process.send?.({ seconds, dropped: backplane.counts.dropped });
    const roundTripsMs: number[] = [];
    for (let count = 0; count < ROUND_TRIPS; count += 1) {
      const from = performance.now();
      backplane.publish("ping", PAYLOAD);
      await next();
      roundTripsMs.push(performance.now() - from);
    }
    process.send?.({ roundTripsMs });
  });
}

/** A process of this file. */
async function start(...args: readonly string[]) {
  const received: unknown[] = [];
  let wake = () => {};
  const child = Bun.spawn([process.execPath, import.meta.path, String(MESSAGES), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message) {
      received.push(message);
      wake();
    },
  });
  const next = async <Message>(): Promise<Message> => {
    while (received.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return received.shift() as Message;
  };
  await next();
  return { pid: child.pid, next, go: () => child.send("go"), end: () => child.kill("SIGKILL") };
}

async function measure(name: string, at: string, carrierPid: number): Promise<Figures> {
  const listener = await start("listener", name, at);
  const publisher = await start("publisher", name, at);
  const pids = [publisher.pid, listener.pid, carrierPid];
  const before = pids.map(cpuSecondsOf);
  publisher.go();
  const { seconds, dropped } = await publisher.next<{ seconds: number; dropped: number }>();
  const cpu = pids.map((pid, index) => cpuSecondsOf(pid) - (before[index] ?? 0));
  if (dropped > 0) throw new Error(`${name} dropped ${dropped} messages`);
  const { roundTripsMs } = await publisher.next<{ roundTripsMs: number[] }>();
  publisher.end();
  listener.end();
  return { messages: MESSAGES, seconds, cpu, roundTripsMs };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

function row(name: string, rounds: readonly Figures[], base: readonly Figures[]): string {
  const rate = (all: readonly Figures[]) =>
    sum(all.map(({ messages }) => messages)) / sum(all.map(({ seconds }) => seconds));
  const cpuOf = (all: readonly Figures[], index: number) =>
    (sum(all.map(({ cpu }) => cpu[index] ?? 0)) / sum(all.map(({ messages }) => messages))) * 1e6;
  const cpu = (all: readonly Figures[]) => sum([0, 1, 2].map((index) => cpuOf(all, index)));
  const sorted = rounds.flatMap(({ roundTripsMs }) => roundTripsMs).toSorted((a, b) => a - b);
  const quantile = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(3);
  const parts = [0, 1, 2].map((index) => cpuOf(rounds, index).toFixed(1)).join(" + ");
  return [
    name.padEnd(12),
    `${Math.round(rate(rounds))} messages/s (${(rate(rounds) / rate(base)).toFixed(2)})`,
    `${cpu(rounds).toFixed(1)} us of CPU a message (${(cpu(rounds) / cpu(base)).toFixed(2)}): ${parts}`,
    `round trip p50 ${quantile(0.5)} p99 ${quantile(0.99)} ms`,
  ].join("  ");
}

async function runAll(): Promise<void> {
  using folder = new TemporaryFolder();
  const hub = await start("hub", "hub", folder.file("hub.sock"));
  const socket = folder.file("redis.sock");
  await using redis = await RedisServer.start("--unixsocket", socket);
  const ways = [
    ["hub", folder.file("hub.sock"), hub.pid],
    ["redis, TCP", redis.url, redis.pid],
    ["redis, Unix", `unix://${socket}`, redis.pid],
  ] as const;
  const figures = new Map<string, Figures[]>(ways.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, at, pid] of ways) {
      figures.get(name)?.push(await measure(name.split(",")[0] ?? "", at, pid));
    }
  }
  hub.end();
  const base = figures.get("redis, TCP") ?? [];
  console.log(
    `${ROUNDS} x ${MESSAGES} messages of ${PAYLOAD.length} bytes; ratios to Redis by TCP;`,
  );
  console.log("CPU: publisher + listener + hub or Redis");
  for (const [name, rounds] of figures) console.log(row(name, rounds, base));
}

if (role === "hub") {
  new Hub({ path: place, pendingBytes: PENDING_BYTES, onSlow() {} });
  process.send?.("ready");
} else if (role === "listener") await runListener();
else if (role === "publisher") await runPublisher();
else await runAll();
