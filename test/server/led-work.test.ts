import { expect, test } from "bun:test";
import type { Leadership } from "../../src/chat/leadership.ts";
import { LedWork, type Worker } from "../../src/server/led-work.ts";
import { settled } from "../support/held-store.ts";

class Elected implements Leadership {
  isLeader = false;
  isSought = false;
  #listener = () => {};

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  async seek(): Promise<void> {
    this.isSought = true;
  }

  set(isLeader: boolean): void {
    this.isLeader = isLeader;
    this.#listener();
  }
}

/** What is under way when it is stopped is done when the test says so. */
class SlowWorker implements Worker {
  readonly did: string[] = [];
  #underWay: PromiseWithResolvers<void> | null = null;

  start(): void {
    this.did.push("start");
    this.#underWay = Promise.withResolvers();
  }

  async stop(): Promise<void> {
    if (this.#underWay === null) return;
    if (this.did.at(-1) === "start") this.did.push("stop");
    await this.#underWay.promise;
  }

  finish(): void {
    this.#underWay?.resolve();
  }
}

function setUp() {
  const [leadership, worker] = [new Elected(), new SlowWorker()];
  return { leadership, worker, work: new LedWork(leadership, [worker]) };
}

test("work begins with the lead and ends in the turn that takes it", async () => {
  const { leadership, worker, work } = setUp();
  expect(leadership.isSought).toBe(false);
  work.start();
  expect(leadership.isSought).toBe(true);
  await settled();
  expect(worker.did).toEqual([]);
  leadership.set(true);
  await settled();
  expect(worker.did).toEqual(["start"]);
  leadership.set(false);
  expect(worker.did).toEqual(["start", "stop"]);
});

test("work does not begin again before what was under way is done", async () => {
  const { leadership, worker, work } = setUp();
  leadership.isLeader = true;
  work.start();
  await settled();
  leadership.set(false);
  leadership.set(true);
  await settled();
  expect(worker.did).toEqual(["start", "stop"]);
  worker.finish();
  await settled();
  expect(worker.did).toEqual(["start", "stop", "start"]);
});

test("work that is stopped for good does not begin again, and is waited for", async () => {
  const { leadership, worker, work } = setUp();
  leadership.isLeader = true;
  work.start();
  await settled();
  let isStopped = false;
  const stopping = work.stop().then(() => {
    isStopped = true;
  });
  leadership.set(false);
  leadership.set(true);
  await settled();
  expect(isStopped).toBe(false);
  worker.finish();
  await stopping;
  await settled();
  expect(worker.did).toEqual(["start", "stop"]);
});
