import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { historyOf } from "../support/steady-sender.ts";
import { connectStock, type Event, type StockClient } from "../support/stock-client.ts";

const ROUNDS = 20;
const IN_FLIGHT = 40;
const PAIRS = [
  { conversationId: "k1", from: "anna", to: "ben" },
  { conversationId: "k2", from: "carla", to: "dan" },
  { conversationId: "k3", from: "ben", to: "carla" },
] as const;

type Pair = (typeof PAIRS)[number];

/** What one sender did and was told, over all rounds: the test's own record. */
class Ledger {
  readonly confirmed = new Map<string, Event>();
  readonly unconfirmed = new Set<string>();
  #made = 0;

  constructor(readonly pair: Pair) {}

  next(): string {
    this.#made += 1;
    const id = `${this.pair.conversationId}-${this.#made}`;
    this.unconfirmed.add(id);
    return id;
  }

  /** True if a confirmation for the same message has said something else before. */
  confirm(event: Event): boolean {
    const id = String(event.clientMessageId);
    const before = this.confirmed.get(id);
    this.unconfirmed.delete(id);
    this.confirmed.set(id, event);
    return (
      before !== undefined && (before.seq !== event.seq || before.messageId !== event.messageId)
    );
  }
}

async function sendUntilKilled(
  server: ParleyProcess,
  ledgers: readonly Ledger[],
  confirmations: number,
) {
  const contradictions: Event[] = [];
  let confirmedNow = 0;
  const enough = Promise.withResolvers<void>();
  const clients: StockClient[] = [];
  for (const ledger of ledgers) {
    const { conversationId, from, to } = ledger.pair;
    const client = await connectStock(server, from, { config: { reconnectDelay: 0 } });
    clients.push(client);
    const send = (clientMessageId: string) => {
      if (!client.stomp.connected) return;
      client.send("/app/chat.send", {
        conversationId,
        recipientId: to,
        clientMessageId,
        content: clientMessageId,
      });
    };
    client.stomp.subscribe("/user/queue/confirmations", (message) => {
      const event: Event = JSON.parse(message.body);
      // A user may be the sender in one conversation and is told of no other.
      if (event.status !== "SENT" || event.conversationId !== conversationId) return;
      if (ledger.confirm(event)) contradictions.push(event);
      confirmedNow += 1;
      if (confirmedNow >= confirmations) enough.resolve();
      send(ledger.next());
    });
    const again = [...ledger.unconfirmed];
    for (const id of again) send(id);
    for (let n = again.length; n < IN_FLIGHT; n += 1) send(ledger.next());
  }
  await enough.promise;
  await server.kill(); // Mid-load: every sender has messages in flight.
  for (const client of clients) await client.close();
  return contradictions;
}

test(`after ${ROUNDS} SIGKILLs in mid-load every message whose SENT arrived is there, and none twice`, async () => {
  const dataDir = temporaryDir();
  const env = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  const ledgers = PAIRS.map((pair) => new Ledger(pair));
  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await startParley({ dataDir, env });
    // Different each round, so that the kill meets different moments of a commit.
    const contradictions = await sendUntilKilled(server, ledgers, 30 + ((round * 37) % 150));
    expect(contradictions).toEqual([]);
  }
  const server = await startParley({ dataDir, env });
  for (const { pair, confirmed, unconfirmed } of ledgers) {
    const history = await historyOf(server, pair.conversationId, pair.from);
    const seqs = history.map((message) => Number(message.seq));
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    const byClientId = new Map(
      history.map((message) => [String(message.clientMessageId), message]),
    );
    expect(byClientId.size).toBe(history.length);
    const missing = [...confirmed].filter(([clientMessageId, { messageId, seq }]) => {
      const kept = byClientId.get(clientMessageId);
      return kept?.id !== messageId || kept?.seq !== seq || kept?.content !== clientMessageId;
    });
    expect(missing).toEqual([]);
    expect(confirmed.size).toBeGreaterThan(ROUNDS);
    // What is there beyond that was sent, and its SENT lost with the server.
    const unsent = [...byClientId.keys()].filter(
      (id) => !confirmed.has(id) && !unconfirmed.has(id),
    );
    expect(unsent).toEqual([]);
  }
  expect(await server.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
