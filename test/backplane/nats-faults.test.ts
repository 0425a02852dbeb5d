import { afterEach, beforeEach, expect, test } from "bun:test";
import { NatsBackplane, type NatsBackplaneOptions } from "../../src/backplane/nats.ts";
import { channelOf, subjectOf } from "../../src/backplane/nats-subjects.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { NatsServer } from "../support/nats-server.ts";

let nats: NatsServer;
let started: BackplaneRecorder[] = [];

beforeEach(async () => {
  nats = await NatsServer.start("--user", "node", "--pass", "s3cret-word");
});
afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  await nats[Symbol.asyncDispose]();
});

function node(nodeId: string, options: Partial<NatsBackplaneOptions> = {}): BackplaneRecorder {
  const recorder = new BackplaneRecorder(
    new NatsBackplane({
      ...{ nodeId, url: nats.url.replace("//", "//node:s3cret-word@"), prefix: "test." },
      ...{ timeoutMs: 500, reconnectMs: 100, pendingBytes: 1024 * 1024 },
      ...{ clock: systemClock, random: Math.random, ...options },
    }),
  );
  started.push(recorder);
  return recorder;
}

const CHANNELS = Array.from({ length: 1_200 }, (_, count) => `/topic/${count}`);

test("killed and started again, it carries all that was listened to before, and tells of the gap", async () => {
  const [a, b] = [node("a"), node("b")];
  for (const channel of CHANNELS) b.backplane.subscribe(channel);
  b.backplane.subscribePrefix("/topic/p.");
  await b.hears(a.backplane, "/topic/1199");
  await b.hears(a.backplane, "/topic/p.1");
  await nats.kill();
  await a.until(() => !a.backplane.isConnected);
  await b.until(() => !b.backplane.isConnected);
  a.backplane.publish("/topic/1", Buffer.from("lost"));
  expect(a.backplane.counts.dropped).toBeGreaterThan(0);
  b.backplane.subscribe("/topic/meanwhile");
  b.backplane.unsubscribe("/topic/0");
  await nats.start();
  await a.connected();
  await b.connected();
  await b.until(() => b.gaps === 1);
  for (const channel of [...CHANNELS, "/topic/p.2", "/topic/meanwhile"]) {
    a.backplane.publish(channel, Buffer.from("back"));
  }
  await b.until(() => b.messages.includes("a /topic/meanwhile back"));
  expect(b.messages).toEqual(
    [...CHANNELS.slice(1), "/topic/p.2", "/topic/meanwhile"].map((name) => `a ${name} back`),
  );
  expect(b.states.at(-1)).toBeNull();
  expect(b.backplane.counts.reconnects).toBe(1);
});

test("paused, publishing neither waits nor fills the memory, and all heals", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  nats.pause();
  const payload = Buffer.alloc(64 * 1024);
  for (let count = 0; count < 1_000; count += 1) {
    a.backplane.publish("/topic/x", payload);
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(a.backplane.counts.dropped).toBeGreaterThan(900);
  await a.until(() => !a.backplane.isConnected);
  nats.resume();
  await a.connected();
  await b.connected();
  await b.hears(a.backplane, "/topic/x");
});

test("what NATS would not take is dropped and ends no connection", async () => {
  const [a, b] = [node("a", { pendingBytes: 1 << 26 }), node("b")];
  const longest = `/topic/${"👋".repeat(512)}`;
  const tooLong = `/topic/${"x".repeat(4_000)}`;
  for (const channel of [longest, tooLong]) b.backplane.subscribe(channel);
  await b.hears(a.backplane, longest);
  const { dropped } = a.backplane.counts;
  a.backplane.publish(longest, Buffer.alloc(2 * 1024 * 1024));
  a.backplane.publish(tooLong, Buffer.from("1"));
  a.backplane.publish(longest, Buffer.from("2"));
  await b.until(() => b.messages.length > 0);
  expect(b.messages).toEqual([`a ${longest} 2`]);
  expect(a.backplane.counts.dropped - dropped).toBe(2);
  expect(a.backplane.counts.reconnects + b.backplane.counts.reconnects).toBe(0);
});

test("a password is needed and is told to nobody", async () => {
  const wrong = node("b", { url: nats.url.replace("//", "//node:wr0ng-word@") });
  const right = node("a");
  await right.connected();
  await wrong.until(() => wrong.states.length > 0);
  expect(String(wrong.states[0]).toLowerCase()).toContain("authorization");
  expect(JSON.stringify([wrong.states, right.states])).not.toContain("word");
});

test.each(["/topic/a.b", "/topic/a..b.", ".", "", "%", "a b\t\r\n*>", "Grüße/👋", "!'()*"])(
  "the channel %j has a subject, and is found by it",
  (channel) => {
    const subject = subjectOf(channel);
    expect(subject).not.toMatch(/[\s*>]|^\.|\.\.|\.$|^$/);
    expect(channelOf(subject)).toBe(channel);
  },
);
