import { afterEach, beforeEach, expect, test } from "bun:test";
import { Hub } from "../../src/backplane/hub.ts";
import { HubBackplane } from "../../src/backplane/hub-backplane.ts";
import { encodeFrame, KIND } from "../../src/backplane/hub-frame.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const MIB = 1024 * 1024;

let folder: TemporaryFolder;
let hub: Hub;
let slow = 0;
let started: BackplaneRecorder[] = [];

beforeEach(() => {
  folder = new TemporaryFolder();
  slow = 0;
  hub = openHub();
});
afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  hub.close();
  folder[Symbol.dispose]();
});

function openHub(pendingBytes = 16 * MIB): Hub {
  const onSlow = () => {
    slow += 1;
  };
  return new Hub({ path: folder.file("hub.sock"), pendingBytes, onSlow });
}

function node(nodeId: string, pendingBytes = 16 * MIB): BackplaneRecorder {
  const path = folder.file("hub.sock");
  const options = { nodeId, path, pendingBytes, clock: systemClock, random: Math.random };
  const recorder = new BackplaneRecorder(new HubBackplane(options));
  started.push(recorder);
  return recorder;
}

test("a hub that is opened again carries all that was listened to, and the gap is told", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/kept");
  b.backplane.subscribe("/topic/gone");
  b.backplane.subscribePrefix("/topic/p");
  await b.hears(a.backplane, "/topic/kept");
  await b.hears(a.backplane, "/topic/p1");
  hub.close();
  await a.until(() => !a.backplane.isConnected);
  await b.until(() => !b.backplane.isConnected);
  const { dropped } = a.backplane.counts;
  a.backplane.publish("/topic/kept", Buffer.from("lost"));
  expect(a.backplane.counts.dropped - dropped).toBe(1);
  b.backplane.subscribe("/topic/meanwhile");
  b.backplane.unsubscribe("/topic/gone");
  hub = openHub();
  await a.connected();
  await b.until(() => b.gaps === 1);
  for (const channel of ["/topic/kept", "/topic/gone", "/topic/p2", "/topic/meanwhile"]) {
    a.backplane.publish(channel, Buffer.from("back"));
  }
  await b.until(() => b.messages.length >= 3);
  expect(b.messages).toEqual(
    ["/topic/kept", "/topic/p2", "/topic/meanwhile"].map((name) => `a ${name} back`),
  );
  expect(b.backplane.counts.reconnects).toBe(1);
  expect(b.states.at(0)).toBeNull();
  expect(b.states.at(-1)).toBeNull();
  expect(b.states.filter((state) => state !== null).length).toBeGreaterThan(0);
});

test("a node that begins before the hub is there joins it when it is", async () => {
  hub.close();
  const a = node("a");
  await a.until(() => a.states.length > 0);
  expect(a.states[0]).toBeString();
  hub = openHub();
  await a.connected();
  expect([a.states.at(-1), a.gaps]).toEqual([null, 0]);
});

test("what waits for the hub is bounded; what is more is dropped and counted", async () => {
  const [a, b] = [node("a", 10_000), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  const { out, dropped } = { ...a.backplane.counts };
  for (let count = 0; count < 20; count += 1) a.backplane.publish("/topic/x", Buffer.alloc(1_000));
  await b.until(() => b.messages.length >= 9);
  expect(a.backplane.counts.dropped - dropped).toBe(11);
  expect(a.backplane.counts.out - out).toBe(9);
  await b.hears(a.backplane, "/topic/x");
  expect(b.messages.length).toBe(9);
});

test("a process that does not take what comes is cut off, and the others go on", async () => {
  hub.close();
  hub = openHub(MIB);
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/end");
  await b.hears(a.backplane, "/topic/end");
  const stuck = await Bun.connect({ unix: folder.file("hub.sock"), socket: { data() {} } });
  stuck.write(encodeFrame(KIND.subscribe, 1, "/topic/x"));
  stuck.pause();
  while (slow === 0) {
    a.backplane.publish("/topic/x", Buffer.alloc(100_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(hub.size).toBe(2);
  await b.hears(a.backplane, "/topic/end");
  expect([a.gaps, b.gaps]).toEqual([0, 0]);
  stuck.terminate();
});

test("who does not speak the hub's language is shown the door", async () => {
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    unix: folder.file("hub.sock"),
    socket: { data() {}, close: () => closed.resolve() },
  });
  socket.write(Buffer.from([0, 0, 0, 5, 99, 0, 0, 0, 0]));
  await closed.promise;
  expect(hub.size).toBe(0);
});
