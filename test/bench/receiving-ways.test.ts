import { afterAll, beforeAll, expect, test } from "bun:test";
import { listen, WAYS } from "../../bench/load/receiving-ways.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";

let server: ParleyProcess;
let alice: StockClient;

beforeAll(async () => {
  server = await startParley();
  alice = await joinStock(server, "alice");
});

afterAll(async () => {
  await alice.close();
  expect(await server.stop()).toBe(0);
});

test.each(WAYS.filter((way) => way !== "nobody listens"))(
  "by %s each message comes once, in order",
  async (way) => {
    const userId = way.replaceAll(" ", "-");
    const numbers: string[] = [];
    const faults: unknown[] = [];
    const all = Promise.withResolvers<void>();
    const listening = await listen(way, {
      ...{ port: server.port, userId },
      onText: (text) => {
        for (const [, number = ""] of text.matchAll(/#(\d+)#/g)) numbers.push(number);
        if (numbers.length >= 5) all.resolve();
      },
      onFault: (fault) => {
        faults.push(fault);
        all.resolve();
      },
    });
    for (const number of [1, 2, 3, 4, 5]) {
      const message = { conversationId: userId, recipientId: userId, content: `#${number}#` };
      await alice.sent("/app/chat.send", message);
    }
    await all.promise;
    listening.close();
    expect(faults).toEqual([]);
    expect(numbers).toEqual(["1", "2", "3", "4", "5"]);
  },
);
