import { afterAll, afterEach, beforeAll, describe, expect, spyOn, test } from "bun:test";
import type { Backplane } from "../../src/broker/backplane.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { TcpWay } from "../support/tcp-way.ts";

/** What carries messages between nodes, as a process that may fail. */
export interface Engine extends AsyncDisposable {
  readonly port: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Again, on the same port. Resolves when it takes connections. */
  start(): Promise<void>;
  /** It keeps its connections and answers nothing until `resume`. */
  pause(): void;
  resume(): void;
}

export interface FaultNode {
  readonly nodeId: string;
  readonly port: number;
  readonly password: string;
  readonly timeoutMs: number;
  readonly reconnectMs: number;
  readonly pendingBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface FaultyBackplane<E extends Engine> {
  /** One that lets nobody in but with this password. */
  readonly engine: (password: string) => Promise<E>;
  /** Not yet started. */
  readonly node: (options: FaultNode) => Backplane;
  /** So many connections each node keeps. */
  readonly connections: number;
  /** Publishes on the channel what no node of this version does; resolves with how many messages. */
  readonly garbage: (engine: E, channel: string, password: string) => Promise<number>;
  /** What the engine answers to a wrong password. */
  readonly refusal: RegExp;
  /** Why the connection is lost to an engine that answers nothing. */
  readonly silence: string;
}

const PASSWORD = "s3cret-word";
const TIMEOUT_MS = 500;
const MIB = 1024 * 1024;

/** More than are told in one batch. */
const CHANNELS = Array.from({ length: 1_200 }, (_, count) => `/topic/${count}`);

/** To be waited for: every message that it was given from now on is counted, as out or as dropped. */
function accountOf(backplane: Backplane): () => Promise<void> {
  const { counts } = backplane;
  const publish = spyOn(backplane, "publish");
  return async () => {
    await counted(() => counts.out + counts.dropped >= publish.mock.calls.length);
    expect(counts.out + counts.dropped).toBe(publish.mock.calls.length);
  };
}

/** Resolves when it is so, or too late: of what is counted nobody hears. */
async function counted(isSo: () => boolean): Promise<void> {
  const late = AbortSignal.timeout(10_000);
  while (!isSo() && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
}

/** What every backplane over a server beside the nodes does when that fails. */
export function describeBackplaneFaults<E extends Engine>(
  name: string,
  backplane: FaultyBackplane<E>,
): void {
  describe(`faults of ${name}`, () => {
    let engine: E;
    const started: BackplaneRecorder[] = [];
    beforeAll(async () => {
      engine = await backplane.engine(PASSWORD);
    }, 60_000);
    afterEach(async () => {
      engine.resume();
      for (const { backplane: each } of started.splice(0)) await each.close();
    });
    afterAll(() => engine[Symbol.asyncDispose]());

    function node(nodeId: string, options: Partial<FaultNode> = {}): BackplaneRecorder {
      const made = backplane.node({
        ...{ nodeId, port: engine.port, password: PASSWORD, timeoutMs: TIMEOUT_MS },
        ...{ reconnectMs: 100, pendingBytes: MIB, clock: systemClock, random: Math.random },
        ...options,
      });
      const recorder = new BackplaneRecorder(made);
      started.push(recorder);
      return recorder;
    }

    /** Two nodes, of which the second hears the first on this channel. */
    async function pair(channel: string, options: Partial<FaultNode> = {}) {
      const [a, b] = [node("a", options), node("b")];
      b.backplane.subscribe(channel);
      await b.hears(a.backplane, channel);
      return { a, b };
    }

    test("killed and started again, it carries all that was listened to before, and tells of the gap", async () => {
      const [a, b] = [node("a"), node("b")];
      for (const channel of CHANNELS) b.backplane.subscribe(channel);
      b.backplane.subscribePrefix("/topic/p.");
      await b.hears(a.backplane, "/topic/1199");
      await b.hears(a.backplane, "/topic/p.1");
      await engine.kill();
      await a.until(() => !a.backplane.isConnected);
      await b.until(() => !b.backplane.isConnected);
      b.backplane.subscribe("/topic/meanwhile");
      b.backplane.unsubscribe("/topic/0");
      await engine.start();
      await a.connected();
      await b.connected();
      await b.until(() => b.gaps === 1);
      for (const channel of [...CHANNELS, "/topic/p.2", "/topic/meanwhile"]) {
        a.backplane.publish(channel, Buffer.from("back"));
      }
      await b.until(() => b.messages.includes("a /topic/meanwhile back"));
      expect(b.messages).toEqual(
        [...CHANNELS.slice(1), "/topic/p.2", "/topic/meanwhile"].map((topic) => `a ${topic} back`),
      );
      expect([b.states.at(0), b.states.at(-1)]).toEqual([null, null]);
      expect(b.backplane.counts.reconnects).toBe(backplane.connections);
    }, 60_000);

    test("what is published without it is dropped, and counted, and comes no more", async () => {
      const [a, b] = [node("a"), node("b")];
      const accounted = accountOf(a.backplane);
      const { counts } = a.backplane;
      b.backplane.subscribe("/topic/x");
      await b.hears(a.backplane, "/topic/x");
      await engine.kill();
      await a.until(() => !a.backplane.isConnected);
      // Of two connections one may be found lost before the other one.
      const { dropped } = { ...counts };
      while (counts.dropped === dropped) {
        a.backplane.publish("/topic/x", Buffer.from("lost"));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await accounted();
      const { out } = { ...counts };
      for (let count = 0; count < 10; count += 1) {
        a.backplane.publish("/topic/x", Buffer.from("lost"));
      }
      await accounted();
      expect(counts.out).toBe(out);
      await engine.start();
      await b.until(() => b.gaps === 1);
      await b.hears(a.backplane, "/topic/x");
      expect(b.messages).toEqual([]);
    }, 60_000);

    test("not there at the start, it is found later", async () => {
      await engine.kill();
      const [a, b] = [node("a"), node("b")];
      b.backplane.subscribe("/topic/x");
      await b.until(() => b.states.length > 0);
      expect(b.states[0]).toContain(`127.0.0.1:${engine.port}`);
      await engine.start();
      await b.hears(a.backplane, "/topic/x");
      expect([b.gaps, b.backplane.counts.reconnects]).toEqual([0, 0]);
    }, 60_000);

    test("a node's connections that are closed are made again, and others do not notice", async () => {
      using way = await TcpWay.to(engine.port);
      const { a, b } = await pair("/topic/x", { port: way.port });
      a.backplane.subscribe("/topic/y");
      await a.hears(b.backplane, "/topic/y");
      way.sever();
      await a.until(() => a.gaps === 1);
      await a.connected();
      await b.hears(a.backplane, "/topic/x");
      await a.hears(b.backplane, "/topic/y");
      expect(a.states.at(-1)).toBeNull();
      expect(a.backplane.counts.reconnects).toBe(backplane.connections);
      expect([b.gaps, b.states, b.backplane.counts.reconnects]).toEqual([0, [null], 0]);
    });

    test("a node that is cut off knows it, and all heals; others do not notice", async () => {
      using way = await TcpWay.to(engine.port);
      const { a, b } = await pair("/topic/x", { port: way.port });
      a.backplane.subscribe("/topic/y");
      await a.hears(b.backplane, "/topic/y");
      way.hold();
      b.backplane.publish("/topic/y", Buffer.from("held"));
      await a.until(() => !a.backplane.isConnected);
      expect(a.states.at(-1)).toBe(backplane.silence);
      const { dropped } = a.backplane.counts;
      a.backplane.publish("/topic/x", Buffer.from("lost"));
      // Where messages go out by a connection of their own, that one is given up a little later.
      await counted(() => a.backplane.counts.dropped - dropped === 1);
      expect(a.backplane.counts.dropped - dropped).toBe(1);
      way.release();
      // By a connection that was not given up it comes late; else it is missing.
      await a.until(() => a.gaps === 1 || a.messages.includes("b /topic/y held"));
      await b.hears(a.backplane, "/topic/x");
      await a.hears(b.backplane, "/topic/y");
      expect([b.gaps, b.states]).toEqual([0, [null]]);
    });

    test("paused, publishing neither waits nor fills the memory, nothing is lost unsaid, and all heals", async () => {
      const [a, b] = [node("a"), node("b")];
      const accounted = accountOf(a.backplane);
      const { counts } = a.backplane;
      b.backplane.subscribe("/topic/x");
      await b.hears(a.backplane, "/topic/x");
      const { dropped } = { ...counts };
      engine.pause();
      const payload = Buffer.alloc(64 * 1024);
      const before = process.memoryUsage.rss();
      for (let count = 0; count < 4_000; count += 1) {
        a.backplane.publish("/topic/x", payload);
        if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      // The system keeps some megabytes of them.
      expect(counts.dropped - dropped).toBeGreaterThan(3_000);
      expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MIB);
      await a.until(() => !a.backplane.isConnected);
      expect(a.states.at(-1)).toBe(backplane.silence);
      engine.resume();
      await a.connected();
      await b.connected();
      await b.hears(a.backplane, "/topic/x");
      await accounted();
    }, 60_000);

    test("what is of no node of this version is counted and dropped", async () => {
      const { a, b } = await pair("/topic/x");
      const sent = await backplane.garbage(engine, "/topic/x", PASSWORD);
      await b.hears(a.backplane, "/topic/x");
      expect(sent).toBeGreaterThan(0);
      expect([b.backplane.counts.invalid, b.messages]).toEqual([sent, []]);
    });

    test("a password is needed and is told to nobody", async () => {
      const [wrong, right] = [node("b", { password: "wr0ng-word" }), node("a")];
      await right.connected();
      await wrong.until(() => wrong.states.length > 0);
      expect(wrong.states[0]).toMatch(backplane.refusal);
      expect(wrong.backplane.isConnected).toBe(false);
      expect(JSON.stringify([wrong.states, right.states])).not.toMatch(/s3cret|wr0ng/);
    });

    test.each([
      ["at the most", 1, [100, 200, 400]],
      ["at the least", 0, [50, 100, 200]],
    ])(
      "who is turned away at once comes back after pauses that grow, told once: %s",
      async (_, part, pauses) => {
        const most = 5 * backplane.connections;
        const attempts = Promise.withResolvers<void>();
        let count = 0;
        using door = Bun.listen({
          ...{ hostname: "127.0.0.1", port: 0 },
          socket: {
            open(socket) {
              count += 1;
              if (count === most) attempts.resolve();
              socket.end();
            },
            data() {},
          },
        });
        const pausesMs: number[] = [];
        const clock: Clock = {
          ...systemClock,
          schedule(delayMs, task) {
            if (delayMs < TIMEOUT_MS) pausesMs.push(delayMs);
            return systemClock.schedule(delayMs, task);
          },
        };
        const random = () => part;
        const a = node("a", { port: door.port, clock, random, reconnectMs: 400 });
        await attempts.promise;
        expect([...new Set(pausesMs)]).toEqual(pauses);
        expect(pausesMs.length).toBeLessThanOrEqual(most);
        expect(new Set(a.states).size).toBe(a.states.length);
      },
    );
  });
}
