import { describe, expect, test } from "bun:test";
import { encodeMessage, HEARTBEAT_FRAME } from "../../src/sockjs/framing.ts";
import { type FrameSink, SockJsConnection } from "../../src/transport/sockjs-connection.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { turn } from "../support/held-queue-store.ts";
import { LOCAL } from "../support/remote.ts";

class Request implements FrameSink {
  readonly frames: string[] = [];
  bufferedBytes = 0;
  hasEnded = false;

  /** @param capacity frames that the response takes */
  constructor(readonly capacity = 1) {}

  write(frame: string): boolean {
    this.frames.push(frame);
    this.hasEnded ||= this.frames.length >= this.capacity;
    return !this.hasEnded;
  }

  end(): void {
    this.hasEnded = true;
  }
}

function setUp(sendBufferBytes = 1_000) {
  const clock = new FakeClock();
  const told: string[] = [];
  const connection = new SockJsConnection({
    ...{ clock, sendBufferBytes, graceMs: 5_000, remote: LOCAL },
    onForgotten: () => told.push("forgotten"),
  });
  connection.opened({
    receive: () => {},
    receiveAll: () => {},
    closed: () => told.push("closed"),
    drained: () => told.push("drained"),
  });
  const poll = (): Request => ask(new Request());
  const stream = (): Request => ask(new Request(100));
  const ask = (request: Request): Request => {
    connection.attach(request);
    return request;
  };
  const send = (...texts: string[]) => {
    for (const text of texts) connection.send(encodeMessage(text));
  };
  return { clock, connection, told, poll, stream, send };
}

describe("a SockJS connection over HTTP", () => {
  test("opens at the first request", () => {
    const { poll } = setUp();
    expect(poll()).toMatchObject({ frames: ["o"], hasEnded: true });
  });

  test("answers a poll with all that waited, as one frame", async () => {
    const { connection, told, poll, send } = setUp();
    poll();
    send("a", 'b "quoted"');
    expect(connection.bufferedBytes()).toBeGreaterThan(0);
    expect(poll().frames).toEqual(['a["a","b \\"quoted\\""]']);
    expect(connection.bufferedBytes()).toBe(0);
    expect(told).toEqual(["drained"]);
  });

  test("answers a poll that waits with what one turn sends", async () => {
    const { poll, send } = setUp();
    poll();
    const waiting = poll();
    send("a", "b");
    expect(waiting.frames).toEqual([]);
    await turn();
    expect(waiting).toMatchObject({ frames: ['a["a","b"]'], hasEnded: true });
  });

  test("goes on in a stream", async () => {
    const { stream, send } = setUp();
    const request = stream();
    send("a");
    await turn();
    send("b");
    await turn();
    expect(request).toMatchObject({ frames: ["o", 'a["a"]', 'a["b"]'], hasEnded: false });
  });

  test("has one receiver: the second is turned away, the first goes on", async () => {
    const { stream, poll, send } = setUp();
    const first = stream();
    const refusal = 'c[2010,"Another connection still open"]';
    expect(poll()).toMatchObject({ frames: [refusal], hasEnded: true });
    send("a");
    await turn();
    expect(first.frames).toEqual(["o", 'a["a"]']);
  });

  test("sends heart-beats to a request that waits, and keeps none for later", () => {
    const { connection, poll } = setUp();
    poll();
    connection.send(HEARTBEAT_FRAME);
    const waiting = poll();
    expect(waiting.frames).toEqual([]);
    connection.send(HEARTBEAT_FRAME);
    expect(waiting).toMatchObject({ frames: ["h"], hasEnded: true });
  });

  test("is lost when no request has come for the grace", () => {
    const { clock, told, poll } = setUp();
    poll();
    clock.advance(4_999);
    poll();
    clock.advance(60_000);
    expect(told).toEqual([]);
    const other = setUp();
    other.poll();
    other.clock.advance(5_000);
    expect(other.told).toEqual(["closed", "forgotten"]);
  });

  test("is lost when its request breaks off, and says so until it is forgotten", () => {
    const { clock, connection, told, stream, poll, send } = setUp();
    const request = stream();
    connection.interrupted(request);
    expect(told).toEqual(["closed"]);
    send("never");
    expect(poll().frames).toEqual(['c[1002,"Connection interrupted"]']);
    clock.advance(5_000);
    expect(told).toEqual(["closed", "forgotten"]);
  });

  test("is lost when the answer to its last request did not arrive as a whole", () => {
    const { connection, told, poll } = setUp();
    const [before, last] = [poll(), poll()];
    connection.send(HEARTBEAT_FRAME);
    connection.interrupted(before);
    expect(told).toEqual([]);
    connection.interrupted(last);
    expect(told).toEqual(["closed"]);
  });

  test("counts what a stream's client has not taken, also of one that has ended", async () => {
    const { connection, told, stream, send } = setUp();
    const request = stream();
    request.bufferedBytes = 70;
    send("a");
    await turn();
    expect(connection.bufferedBytes()).toBe(70);
    expect(told).toEqual([]);
    connection.send(HEARTBEAT_FRAME);
    request.bufferedBytes = 0;
    connection.drained();
    expect(connection.bufferedBytes()).toBe(0);
    expect(told).toEqual(["drained"]);
  });

  test("gives what was sent before its end, and then the reason, again and again", () => {
    const { connection, told, poll, send } = setUp();
    poll();
    send("last words");
    connection.close(3000, "Go away!");
    expect(told).toEqual(["closed"]);
    expect(poll().frames).toEqual(['a["last words"]']);
    expect(poll().frames).toEqual(['c[3000,"Go away!"]']);
    expect(poll().frames).toEqual(['c[3000,"Go away!"]']);
  });

  test("ends a stream with the reason", () => {
    const { connection, stream } = setUp();
    const request = stream();
    connection.close(1002, "MALFORMED_FRAME");
    expect(request).toMatchObject({ frames: ["o", 'c[1002,"MALFORMED_FRAME"]'], hasEnded: true });
  });

  test("that is closed as it opens opens first", () => {
    const { connection, poll } = setUp();
    connection.close(3000, "Go away!");
    expect([poll(), poll()].map(({ frames }) => frames)).toEqual([["o"], ['c[3000,"Go away!"]']]);
  });

  test("of a client that does not come for its messages is dropped, and says so", () => {
    const { clock, connection, told, poll, send } = setUp(100);
    poll();
    send("x".repeat(60));
    expect(told).toEqual([]);
    send("x".repeat(60));
    expect(told).toEqual(["closed"]);
    expect(connection.bufferedBytes()).toBe(0);
    expect(poll().frames).toEqual(['c[1002,"Connection interrupted"]']);
    clock.advance(5_000);
    expect(told).toEqual(["closed", "forgotten"]);
  });
});
