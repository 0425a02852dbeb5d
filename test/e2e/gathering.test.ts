import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { connectStock, type StockClient, type Via } from "../support/stock-client.ts";

let server: ParleyProcess;
const clients: StockClient[] = [];

beforeAll(async () => {
  // Long, so that all that can be gathered is.
  server = await startParley({ env: { PARLEY_DELIVERY_GATHER_MS: "50" } });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  expect(await server.stop()).toBe(0);
});

const CROWD = 24;
const MESSAGES = 400;
const VIAS: readonly Via[] = ["websocket", "binary", "sockjs"];

/** Of all transports, each subscribed to the topic. */
async function crowdOn(topic: string, idOf: (index: number) => string): Promise<StockClient[]> {
  return await Promise.all(
    Array.from({ length: CROWD }, async (_, index) => {
      const via = VIAS[index % VIAS.length] ?? "websocket";
      const client = await connectStock(server, `member-${index}`, { via });
      clients.push(client);
      await client.subscribed(topic, { id: idOf(index) });
      return client;
    }),
  );
}

test.each([
  ["one id for all", () => "same"],
  ["an id for each", (index: number) => `own-${index}`],
] as const)("to a crowd with %s nothing is lost, doubled or out of order", async (name, idOf) => {
  const topic = `/topic/crowd-${name.replaceAll(" ", "-")}`;
  const crowd = await crowdOn(topic, idOf);
  const [publisher, leaver, ...stayers] = crowd;
  if (publisher === undefined || leaver === undefined) throw new Error("there is no crowd");

  // What the publisher sees of its own messages and of their receipts, in the order of coming.
  const seen: string[] = [];
  const note = (what: string) => {
    seen.push(what);
    publisher.note();
  };
  publisher.stomp.subscribe(topic, (message) => note(`message ${JSON.parse(message.body).n}`), {
    id: "second",
  });
  const left = Promise.withResolvers<void>();
  for (let n = 0; n < MESSAGES; n += 1) {
    const hasReceipt = n % 7 === 0;
    if (hasReceipt) publisher.stomp.watchForReceipt(`${n}`, () => note(`receipt ${n}`));
    publisher.send(topic, { n }, hasReceipt ? { receipt: `${n}` } : {});
    if (n === MESSAGES / 2) {
      await leaver.until(() => leaver.got(topic).length > 0, "the first message");
      leaver.stomp.watchForReceipt("left", () => left.resolve());
      leaver.stomp.unsubscribe(idOf(1), { receipt: "left" });
    }
  }
  const all = Array.from({ length: MESSAGES }, (_, n) => ({ n }));
  for (const stayer of [publisher, ...stayers]) {
    expect(await stayer.count(topic, MESSAGES)).toEqual(all);
  }
  await left.promise;
  expect(leaver.got(topic)).toEqual(all.slice(0, leaver.got(topic).length));

  const receipts = all.filter(({ n }) => n % 7 === 0);
  await publisher.until(() => seen.length === MESSAGES + receipts.length, "all receipts");
  const late = receipts.filter(
    ({ n }) => seen.indexOf(`message ${n}`) > seen.indexOf(`receipt ${n}`),
  );
  expect(late).toEqual([]);
});

test("a burst to a crowd arrives in order, and its receipt after it", async () => {
  const topic = "/topic/burst";
  const crowd = await crowdOn(topic, () => "same");
  const [publisher] = crowd;
  if (publisher === undefined) throw new Error("there is no crowd");
  const receipt = Promise.withResolvers<number>();
  publisher.stomp.watchForReceipt("last", () => receipt.resolve(publisher.got(topic).length));
  const all = Array.from({ length: MESSAGES }, (_, n) => ({ n }));
  for (const { n } of all) {
    publisher.send(topic, { n }, n === MESSAGES - 1 ? { receipt: "last" } : {});
  }
  for (const member of crowd) expect(await member.count(topic, MESSAGES)).toEqual(all);
  expect(await receipt.promise).toBe(MESSAGES);
});
