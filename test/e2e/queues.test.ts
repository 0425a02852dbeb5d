import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { worker } from "../support/queue-worker.ts";

const ENV = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };

describe("work queues", () => {
  test("share their messages among consumers on every transport", async () => {
    const server = await startParley({ env: ENV });
    const vias = ["websocket", "binary", "sockjs"] as const;
    const producer = await worker(server, "producer");
    const workers = await Promise.all(vias.map((via) => worker(server, via, via)));
    for (const each of workers) {
      each.consume("/queue/jobs", { "prefetch-count": "5" }, (message) => {
        message.ack();
        producer.client.note();
      });
    }
    await Promise.all(
      Array.from({ length: 90 }, (_, index) => producer.send("/queue/jobs", `Auftrag ${index} 👋`)),
    );
    const all = () => workers.flatMap((each) => each.bodies());
    await producer.client.until(() => all().length >= 90, "all messages");
    expect(new Set(all()).size).toBe(90);
    expect(workers.every((each) => each.got.length > 0)).toBe(true);
    for (const { client } of [...workers, producer]) await client.close();
    expect(await server.stop()).toBe(0);
  });

  test("give a message that was not acknowledged to somebody else, marked", async () => {
    const server = await startParley({ env: ENV });
    const [one, two] = [await worker(server, "one"), await worker(server, "two")];
    one.consume("/queue/jobs");
    await one.send("/queue/jobs", "job", { colour: "red" });
    await one.client.until(() => one.got.length === 1);
    two.consume("/queue/jobs");
    await two.send("/queue/other", "the SUBSCRIBE has been handled");
    one.stomp.forceDisconnect();
    await two.client.until(() => two.got.length === 1);
    expect(two.got[0]?.headers).toMatchObject({ redelivered: "true", colour: "red" });
    two.got[0]?.nack({ requeue: "false" });
    two.consume("/queue/dead-letter/jobs");
    await two.client.until(() => two.got.length === 2);
    expect(two.got[1]?.headers).toMatchObject({
      "original-destination": "/queue/jobs",
      "death-reason": "rejected",
    });
    for (const { client } of [one, two]) await client.close();
    expect(await server.stop()).toBe(0);
  });

  test("keep persistent messages over an orderly restart, and their order", async () => {
    const dataDir = temporaryDir();
    const first = await startParley({ dataDir, env: ENV });
    const producer = await worker(first, "producer");
    for (const body of ["1", "2", "3"]) {
      await producer.send("/queue/jobs", body, { persistent: "true" });
    }
    await producer.send("/queue/jobs", "lost");
    await producer.client.close();
    expect(await first.stop()).toBe(0);
    const second = await startParley({ dataDir, env: ENV });
    const consumer = await worker(second, "consumer");
    consumer.consume("/queue/jobs");
    await consumer.send("/queue/jobs", "4");
    await consumer.client.until(() => consumer.got.length === 4);
    expect(consumer.bodies()).toEqual(["1", "2", "3", "4"]);
    await consumer.client.close();
    expect(await second.stop()).toBe(0);
    rmSync(dataDir, { recursive: true });
  });
});

/** The test's own record of messages that move from one queue to another. */
class Ledger {
  readonly confirmed = new Set<string>();
  readonly moved = new Set<string>();
  #made = 0;

  next(): string {
    this.#made += 1;
    return `token-${this.#made}`;
  }
}

/** Producers send tokens to `in`, movers take each to `out` in a transaction, until the kill. */
async function moveUntilKilled(server: ParleyProcess, ledger: Ledger, moves: number) {
  const producer = await worker(server, "producer");
  const movers = await Promise.all(["m1", "m2"].map((name) => worker(server, name)));
  const enough = Promise.withResolvers<void>();
  let movedNow = 0;
  const produce = (): void => {
    if (!producer.stomp.connected) return;
    const body = ledger.next();
    producer.stomp.watchForReceipt(body, () => {
      ledger.confirmed.add(body);
      produce();
    });
    const headers = { persistent: "true", receipt: body };
    producer.stomp.publish({ destination: "/queue/in", body, headers });
  };
  for (const { stomp, client } of movers) {
    stomp.subscribe(
      "/queue/in",
      (message) => {
        if (!client.stomp.connected) return;
        const transaction = stomp.begin();
        const body = message.body;
        const headers = { persistent: "true", transaction: transaction.id };
        stomp.publish({ destination: "/queue/out", body, headers });
        message.ack({ transaction: transaction.id });
        const receipt = `moved ${body} ${movedNow}`;
        stomp.watchForReceipt(receipt, () => {
          ledger.moved.add(body);
          movedNow += 1;
          if (movedNow >= moves) enough.resolve();
        });
        stomp.commit(transaction.id);
        // Frames are handled in order, so this one is confirmed after the COMMIT is on disk.
        stomp.publish({ destination: "/queue/beat", body: "", headers: { receipt } });
      },
      { ack: "client-individual", "prefetch-count": "10" },
    );
    stomp.subscribe("/queue/beat", () => {});
  }
  for (let count = 0; count < 20; count += 1) produce();
  await enough.promise;
  await server.kill();
  for (const { client } of [producer, ...movers]) await client.close();
}

/** Every message of the queue, in order. */
async function drain(server: ParleyProcess, queue: string): Promise<string[]> {
  const consumer = await worker(server, "auditor");
  consumer.consume(queue, { "prefetch-count": "0" });
  await consumer.send(queue, "the end");
  await consumer.client.until(() => consumer.bodies().includes("the end"));
  for (const message of consumer.got) message.ack();
  await consumer.client.close();
  return consumer.bodies().slice(0, -1);
}

test("a SIGKILL in mid-load loses no confirmed message, and doubles none that a transaction moved", async () => {
  const dataDir = temporaryDir();
  const ledger = new Ledger();
  for (let round = 0; round < 5; round += 1) {
    const server = await startParley({ dataDir, env: ENV });
    await moveUntilKilled(server, ledger, 100);
  }
  const server = await startParley({ dataDir, env: ENV });
  const [waiting, moved] = [await drain(server, "/queue/in"), await drain(server, "/queue/out")];
  const found = [...waiting, ...moved];
  expect(new Set(found).size).toBe(found.length);
  expect([...ledger.confirmed].filter((token) => !found.includes(token))).toEqual([]);
  expect([...ledger.moved].filter((token) => !moved.includes(token))).toEqual([]);
  expect(ledger.moved.size).toBeGreaterThanOrEqual(500);
  expect(await server.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
