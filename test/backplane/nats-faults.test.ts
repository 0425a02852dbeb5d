import { afterEach, beforeEach, expect, test } from "bun:test";
import { NatsBackplane, type NatsBackplaneOptions } from "../../src/backplane/nats.ts";
import { channelOf, subjectOf } from "../../src/backplane/nats-subjects.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { NatsServer } from "../support/nats-server.ts";

let nats: NatsServer;
let started: BackplaneRecorder[] = [];

beforeEach(async () => {
  nats = await NatsServer.start();
});
afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  await nats[Symbol.asyncDispose]();
});

function node(nodeId: string, options: Partial<NatsBackplaneOptions> = {}): BackplaneRecorder {
  const recorder = new BackplaneRecorder(
    new NatsBackplane({
      ...{ nodeId, url: nats.url, prefix: "test.", timeoutMs: 500, reconnectMs: 100 },
      ...{ pendingBytes: 1024 * 1024, clock: systemClock, random: Math.random, ...options },
    }),
  );
  started.push(recorder);
  return recorder;
}

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

test.each(["/topic/a.b", "/topic/a..b.", ".", "", "%", "a b\t\r\n*>", "Grüße/👋", "!'()*"])(
  "the channel %j has a subject, and is found by it",
  (channel) => {
    const subject = subjectOf(channel);
    expect(subject).not.toMatch(/[\s*>]|^\.|\.\.|\.$|^$/);
    expect(channelOf(subject)).toBe(channel);
  },
);
