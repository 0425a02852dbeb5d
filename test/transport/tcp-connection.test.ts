import { expect, test } from "bun:test";
import fc from "fast-check";
import { Session } from "../../src/session/session.ts";
import { TcpConnection, type TcpSocket } from "../../src/transport/tcp-connection.ts";
import { sessionHarness } from "../support/session-harness.ts";

/** Takes as much as it is told to, and remembers it. */
class FakeSocket implements TcpSocket {
  readonly writes: Buffer[] = [];
  room = Number.POSITIVE_INFINITY;
  isShut = false;
  isTerminated = false;
  isPaused = false;
  onTerminate = (): void => {};

  constructor(readonly remoteAddress: string | undefined) {}

  write(bytes: Uint8Array): number {
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    if (taken > 0) this.writes.push(Buffer.from(bytes.subarray(0, taken)));
    return taken;
  }
  shutdown(): void {
    this.isShut = true;
  }
  terminate(): void {
    this.isTerminated = true;
    this.onTerminate();
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  received(): string {
    return Buffer.concat(this.writes).toString();
  }
}

const LIMIT = 100_000;

/** A connection under a session that is connected; the application hears of `drained`. */
async function connected() {
  const harness = sessionHarness();
  const socket = new FakeSocket("127.0.0.1");
  const overflows: number[] = [];
  let closings = 0;
  const connection = new TcpConnection(socket, {
    sendBufferBytes: LIMIT,
    pieceBytes: 64,
    onOverflow: (which) => overflows.push(which.bufferedBytes()),
    onClosing: () => {
      closings += 1;
    },
  });
  socket.onTerminate = () => connection.gone();
  const session = new Session(connection, harness.environment);
  connection.opened(session);
  session.receive(Buffer.from("CONNECT\naccept-version:1.2\nlogin:alice\n\n\0"));
  await turn();
  socket.writes.length = 0;
  harness.application.handled.length = 0;
  const { application } = harness;
  const { handled } = application;
  return { connection, session, socket, application, overflows, handled, closings: () => closings };
}

/** The end of this turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const bytes = (text: string) => Buffer.from(text);

test.each([
  ["127.0.0.1", "127.0.0.1", false],
  ["::1", "::1", false],
  ["::ffff:127.0.0.1", "127.0.0.1", false],
  ["203.0.113.5", "203.0.113.5", true],
  ["::ffff:203.0.113.5", "203.0.113.5", true],
  ["2001:db8::5", "2001:db8::5", true],
  [undefined, null, true], // The peer has reset the connection before it was looked at.
])("a peer %p is known as %p, from elsewhere: %p", (remoteAddress, address, proxied) => {
  const { remote } = new TcpConnection(new FakeSocket(remoteAddress), {
    ...{ sendBufferBytes: LIMIT, pieceBytes: 64 },
    ...{ onOverflow() {}, onClosing() {} },
  });
  expect(remote).toMatchObject({ peerAddress: address, address, proxied });
});

test("the frames of one turn leave in one write, in their order, at the end of it", async () => {
  const { connection, socket, handled } = await connected();
  const frames = Array.from({ length: 1_000 }, (_, index) => `frame ${index}\0`);
  for (const frame of frames) connection.send(bytes(frame));
  expect(socket.writes).toEqual([]);
  await turn();
  expect(socket.writes).toHaveLength(1);
  expect(socket.received()).toBe(frames.join(""));
  expect(connection.bufferedBytes()).toBe(0);
  // What was sent counts as departed now, not before.
  expect(handled).toEqual(["drained"]);
});

test("large amounts do not wait for the end of the turn: a burst fills no buffer", async () => {
  const { connection, socket, overflows } = await connected();
  for (let n = 0; n < 50; n += 1) connection.send(Buffer.alloc(60_000));
  expect(socket.writes.length).toBeGreaterThan(20);
  expect(connection.bufferedBytes()).toBeLessThan(64 * 1024);
  await turn();
  expect(overflows).toEqual([]);
  expect(socket.received()).toHaveLength(3_000_000);
});

test("what the socket does not take is kept, and goes on at drain before what came later", async () => {
  const { connection, socket, handled } = await connected();
  socket.room = 3;
  connection.send(bytes("abcdef"));
  await turn();
  expect(socket.received()).toBe("abc");
  expect(connection.bufferedBytes()).toBe(3);
  connection.send(bytes("ghi"));
  await turn();
  expect(handled).toEqual([]);
  socket.room = 2;
  connection.drained();
  expect(socket.received()).toBe("abcde");
  expect(handled).toEqual(["drained"]);
  socket.room = 100;
  connection.drained();
  expect(socket.received()).toBe("abcdefghi");
  expect(connection.bufferedBytes()).toBe(0);
  expect(handled).toEqual(["drained", "drained"]);
});

test("a drain without room is no progress", async () => {
  const { connection, socket, handled } = await connected();
  socket.room = 0;
  connection.send(bytes("abc"));
  await turn();
  connection.drained();
  expect(handled).toEqual([]);
  expect(connection.bufferedBytes()).toBe(3);
});

test("past the limit the connection is dropped when the turn ends, and what waited never departs", async () => {
  const { connection, socket, overflows, handled } = await connected();
  socket.room = 10;
  connection.send(Buffer.alloc(LIMIT));
  await turn();
  expect(overflows).toEqual([]);
  connection.send(Buffer.alloc(20));
  expect(overflows).toEqual([LIMIT + 10]);
  expect(socket.isTerminated).toBe(false);
  expect(connection.bufferedBytes()).toBeGreaterThan(0);
  connection.send(Buffer.alloc(20));
  await turn();
  expect(socket.isTerminated).toBe(true);
  expect(overflows).toHaveLength(1);
  expect(handled).toEqual(["disconnected"]);
  expect(connection.bufferedBytes()).toBe(0);
});

test("one payload larger than the limit closes nothing if the socket takes it", async () => {
  const { connection, socket, overflows } = await connected();
  connection.send(Buffer.alloc(2 * LIMIT));
  await turn();
  expect(overflows).toEqual([]);
  expect(socket.received()).toHaveLength(2 * LIMIT);
});

test("close sends what waits, then ends; nothing can follow", async () => {
  const { connection, socket, closings } = await connected();
  connection.send(bytes("last words"));
  connection.close(1000, "");
  connection.send(bytes("too late"));
  connection.close(1000, "");
  expect(socket.received()).toBe("last words");
  expect(socket.isShut).toBe(true);
  expect(closings()).toBe(1);
  await turn();
  expect(socket.received()).toBe("last words");
  expect(socket.isTerminated).toBe(false);
});

test("close of a blocked connection ends it once the peer has taken the rest", async () => {
  const { connection, session, socket } = await connected();
  socket.room = 4;
  connection.send(bytes("last words"));
  await turn();
  session.close(1000, "");
  expect(socket.isShut).toBe(false);
  socket.room = 2;
  connection.drained();
  expect(socket.isShut).toBe(false);
  socket.room = 100;
  connection.drained();
  expect(socket.received()).toBe("last words");
  expect(socket.isShut).toBe(true);
});

test("a client whose frames wait is not read, and loses nothing", async () => {
  const { connection, socket, application } = await connected();
  const answers: (() => void)[] = [];
  application.onSend = () => new Promise((resolve) => answers.push(() => resolve(undefined)));
  const sends = Array.from(
    { length: 9 },
    (_, n) => `SEND\ndestination:/app/x\n\n${n} ${"x".repeat(40)}\0`,
  );
  connection.received(bytes(sends.slice(0, 4).join("")));
  expect(socket.isPaused).toBe(true);
  connection.received(bytes(sends.slice(4).join(""))); // The engine had it already.
  for (let n = 0; n < sends.length; n += 1) {
    expect(answers).toHaveLength(n + 1);
    expect(socket.isPaused).toBe(true);
    answers[n]?.();
    await turn();
  }
  expect(socket.isPaused).toBe(false);
  const numbers = application.handled.flatMap((entry) => /\/app\/x (\d)/.exec(entry)?.[1] ?? []);
  expect(numbers.join("")).toBe("012345678");
});

test("the end of what a client says has its place behind what waits", async () => {
  const { connection, socket, application } = await connected();
  let answer = (): void => {};
  application.onSend = () => new Promise((resolve) => (answer = () => resolve(undefined)));
  connection.received(bytes("SEND\ndestination:/app/x\nreceipt:r\n\n\0"));
  connection.ended();
  await turn();
  expect(socket.isShut).toBe(false);
  answer();
  await turn();
  expect(socket.received()).toBe("RECEIPT\nreceipt-id:r\n\n\0");
  expect(socket.isShut).toBe(true);
});

test("a client that is not read when its session ends is read again, to hear of its end", async () => {
  const { connection, session, socket, application } = await connected();
  application.onSend = () => new Promise(() => {});
  connection.received(bytes("SEND\ndestination:/app/x\n\n\0"));
  expect(socket.isPaused).toBe(true);
  session.close(1000, "");
  await turn();
  expect(socket.isPaused).toBe(false);
});

test("terminate drops what waits", async () => {
  const { connection, session, socket } = await connected();
  connection.send(bytes("never"));
  session.closed();
  connection.terminate();
  connection.terminate();
  await turn();
  expect(socket.received()).toBe("");
  expect(socket.isTerminated).toBe(true);
});

test("whatever the socket takes and when, the bytes come whole and in order", async () => {
  type Step = { send: number } | { room: number } | "turn";
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ send: fc.integer({ min: 1, max: 900 }) }),
    fc.record({ room: fc.integer({ min: 0, max: 900 }) }),
    fc.constant("turn" as const),
  );
  const steps = fc.array(step, { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const { connection, socket, overflows } = await connected();
      let sent = "";
      for (const entry of script) {
        if (entry === "turn") {
          await turn();
        } else if ("send" in entry) {
          const text = `${sent.length},`.repeat(entry.send).slice(0, entry.send);
          sent += text;
          connection.send(bytes(text));
        } else {
          socket.room = entry.room;
          connection.drained();
        }
      }
      await turn();
      expect(socket.received().length + connection.bufferedBytes()).toBe(sent.length);
      socket.room = Number.POSITIVE_INFINITY;
      connection.drained();
      connection.close(1000, "");
      expect(socket.received()).toBe(sent);
      expect(socket.isShut).toBe(true);
      expect(overflows).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
