import { expect, test } from "bun:test";
import { TurnEnd } from "../src/turn-end.ts";

/** Rounds of the event loop, run by the test. */
function rounds() {
  let waiting: (() => void)[] = [];
  const turnEnd = new TurnEnd((task) => waiting.push(task));
  const done: string[] = [];
  return {
    done,
    look: (name: string) => turnEnd.look(() => done.push(name)),
    conclude: (name: string) => turnEnd.conclude(() => done.push(name)),
    turnEnd,
    pass() {
      const due = waiting;
      waiting = [];
      for (const task of due) task();
      return due.length > 0;
    },
  };
}

test("tasks run after a whole round, the conclusions last", () => {
  const { done, look, conclude, pass } = rounds();
  conclude("c");
  look("a");
  look("b");
  pass();
  expect(done).toEqual([]);
  pass();
  expect(done).toEqual(["a", "b", "c"]);
  expect(pass()).toBe(false);
});

test("what is added in between waits for a whole round of its own", () => {
  const { done, look, pass } = rounds();
  look("a");
  pass();
  look("b");
  pass();
  expect(done).toEqual(["a"]);
  pass();
  expect(done).toEqual(["a", "b"]);
  expect(pass()).toBe(false);
});

test("tasks may add others", () => {
  const { done, turnEnd, look, pass } = rounds();
  turnEnd.look(() => look("later"));
  while (pass());
  expect(done).toEqual(["later"]);
});

test("what a turn publishes from anywhere is in the sockets' buffers then", async () => {
  const opened = Promise.withResolvers<Bun.ServerWebSocket<undefined>>();
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, upgrading) => (upgrading.upgrade(request) ? undefined : new Response("?")),
    websocket: {
      data: undefined,
      backpressureLimit: 1 << 30,
      message: () => {},
      open(socket) {
        socket.subscribe("topic");
        opened.resolve(socket);
      },
    },
  });
  const client = await stuckClient(server.port ?? 0);
  const socket = await opened.promise;
  while (socket.getBufferedAmount() === 0) {
    socket.send("x".repeat(1 << 20));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const turnEnd = new TurnEnd();
  const grownBy = (schedule: (task: () => void) => void) =>
    new Promise<number>((resolve) => {
      schedule(() => {
        const before = socket.getBufferedAmount();
        server.publish("topic", "y".repeat(1_000));
        turnEnd.look(() => resolve(socket.getBufferedAmount() - before));
      });
    });
  // Not for `queueMicrotask` alone: a timer, and whatever resolves a promise, is like it.
  expect(await grownBy((task) => setTimeout(task))).toBeGreaterThanOrEqual(1_000);
  expect(await grownBy(setImmediate)).toBeGreaterThanOrEqual(1_000);
  expect(await grownBy(queueMicrotask)).toBeGreaterThanOrEqual(1_000);
  client.terminate();
});

/** A WebSocket client that never reads. */
async function stuckClient(port: number) {
  const upgraded = Promise.withResolvers<void>();
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(socket) {
        socket.pause();
        upgraded.resolve();
      },
    },
  });
  client.write(
    [
      "GET / HTTP/1.1",
      "Host: localhost",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
      "\r\n",
    ].join("\r\n"),
  );
  await upgraded.promise;
  return client;
}
