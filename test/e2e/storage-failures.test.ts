import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { canFailDisks, setDiskFailing, withoutFileSizeSignal } from "../support/failing-disk.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import {
  connectStock,
  type Event,
  type StockClient,
  subscribeAll,
} from "../support/stock-client.ts";

const CONFIRMATIONS = "/user/alice/queue/confirmations";
const ERRORS = "/user/alice/queue/errors";
const REFUSED = ["m2", "m3", "m4"];

let server: ParleyProcess;
let alice: StockClient;

beforeEach(async () => {
  server = await startParley({
    env: { PARLEY_DATABASE_BUSY_TIMEOUT_MS: "20" },
    within: withoutFileSizeSignal,
  });
  alice = await connectStock(server, "alice");
  await subscribeAll(alice);
});

afterEach(async () => {
  await alice.close();
  expect(await server.stop()).toBe(0);
});

const health = async () => {
  const answer = await fetch(`${server.url}/api/websocket/health`);
  const document: { status: string } = await answer.json();
  expect(answer.status).toBe(200);
  return document.status;
};

const history = async (): Promise<Event[]> => {
  const path = "/api/conversations/c1/messages?limit=100";
  const answer = await fetch(server.url + path, { headers: { "X-User-Id": "alice" } });
  const page: { messages: Event[] } = await answer.json();
  return page.messages;
};

const send = (clientMessageId: string) =>
  alice.send("/app/chat.send", {
    ...{ conversationId: "c1", recipientId: "bob" },
    ...{ clientMessageId, content: `the text of ${clientMessageId}` },
  });

const idsOf = (events: readonly Event[]) => events.map((event) => String(event.clientMessageId));
const summary = (events: readonly Event[]) =>
  events.map(({ seq, clientMessageId }) => `${seq} ${clientMessageId}`);

/** How the store is made to fail, and mended. */
const failures: Record<string, () => Disposable> = {
  "a lock that another process holds": () => {
    const other = new Database(join(server.dataDir, "parley.db"));
    other.run("PRAGMA busy_timeout = 5000"); // The server may just be writing.
    other.run("BEGIN IMMEDIATE");
    return {
      [Symbol.dispose]() {
        other.run("ROLLBACK");
        other.close();
      },
    };
  },
  "I/O errors": () => {
    setDiskFailing(server.pid, true);
    return { [Symbol.dispose]: () => setDiskFailing(server.pid, false) };
  },
};

describe.each(Object.keys(failures))("a store that cannot write for %s", (what) => {
  test.skipIf(what === "I/O errors" && !canFailDisks)(
    "refuses and confirms nothing, keeps what it has, and recovers by itself",
    async () => {
      send("m1");
      await alice.event(CONFIRMATIONS);
      expect(await health()).toBe("UP");

      {
        using _failure = failures[what]?.();
        for (const id of REFUSED) {
          send(id);
          await alice.event(ERRORS, (event) => event.clientMessageId === id);
        }
        expect(alice.got(ERRORS).map(({ code }) => code)).toEqual(
          REFUSED.map(() => "STORAGE_UNAVAILABLE"),
        );
        expect(await health()).toBe("DEGRADED");
        expect(summary(await history())).toEqual(["1 m1"]);
        expect(idsOf(alice.got(CONFIRMATIONS))).toEqual(["m1"]);
      }

      // Nobody writes, and each look is a round trip.
      while ((await health()) !== "UP");
      expect(summary(await history())).toEqual(["1 m1"]);
      expect(server.log()).toContain("The store can write again");

      for (const id of REFUSED) send(id);
      await alice.count(CONFIRMATIONS, 4);
      const kept = ["1 m1", "2 m2", "3 m3", "4 m4"];
      expect(summary(alice.got(CONFIRMATIONS))).toEqual(kept);
      expect(summary(await history())).toEqual(kept);
      for (const id of REFUSED) send(id);
      await alice.count(CONFIRMATIONS, 7);
      expect(summary(alice.got(CONFIRMATIONS))).toEqual([...kept, ...kept.slice(1)]);
      expect(summary(await history())).toEqual(kept);
      expect(alice.got(ERRORS)).toHaveLength(REFUSED.length);
    },
  );
});
