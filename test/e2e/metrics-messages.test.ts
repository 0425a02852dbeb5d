import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { IMessage } from "@stomp/stompjs";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { scrape } from "../support/scrape.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let server: ParleyProcess;
let alice: StockClient;
let bob: StockClient;

beforeAll(async () => {
  const env = { PARLEY_API_KEYS: API_KEY, PARLEY_METRICS_QUEUES: "/queue/named,/queue/none" };
  server = await startParley({
    env,
    flags: ["--queue-max-deliveries", "2", "--presence-grace-ms", "600000"],
  });
  [alice, bob] = [await joinStock(server, "alice"), await joinStock(server, "bob")];
});

afterAll(async () => {
  await alice.close();
  await bob.close();
  expect(await server.stop()).toBe(0);
});

describe("what goes to clients is counted by kind", () => {
  const PATTERN = /^parley_messages_out_total\{kind="(\w+)"\}$/;

  async function counts(): Promise<Map<string, number>> {
    const found = [...(await scrape(server))].map(
      ([name, value]) => [PATTERN.exec(name)?.[1] ?? "", value] as const,
    );
    return new Map(found.filter(([kind]) => kind !== ""));
  }

  /**
   * How the counts grow by what happens, of the kinds that do; presence aside, which goes out when
   * it is due.
   */
  async function grownBy(happens: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = await counts();
    await happens();
    const grown = [...(await counts())].map(
      ([kind, count]) => [kind, count - (before.get(kind) ?? Number.NaN)] as const,
    );
    return Object.fromEntries(grown.filter(([kind, by]) => by !== 0 && kind !== "presence"));
  }

  test("of every kind from the start", async () => {
    const kinds = ["message", "confirmation", "receipt", "error"];
    kinds.push("typing", "presence", "topic", "queue", "notice", "profile");
    expect([...(await counts()).keys()].sort()).toEqual(kinds.sort());
  });

  test("messages and confirmations: to the sender's other connections, not the sending one", async () => {
    const second = await joinStock(server, "alice");
    const message = { conversationId: "out", recipientId: "bob", content: "counted" };
    const isDelivered = ({ status }: Record<string, unknown>) => status === "DELIVERED";
    const grown = await grownBy(async () => {
      await alice.sent("/app/chat.send", message);
      await second.event("/user/alice/queue/messages");
      await alice.event("/user/alice/queue/confirmations", isDelivered);
      await second.event("/user/alice/queue/confirmations", isDelivered);
    });
    // Both connections of Alice's hear of SENT and DELIVERED; Bob and her other one get the message.
    expect(grown).toEqual({ message: 2, confirmation: 4 });
    await second.close();
  });

  test("messages one by one where the client acknowledges them", async () => {
    const carol = await joinStock(server, "carol");
    const queue = "/user/carol/queue/messages";
    const acknowledging = await joinStock(server, "dave");
    const grown = await grownBy(async () => {
      acknowledging.stomp.subscribe(
        "/user/queue/messages",
        (message) => {
          message.ack();
          acknowledging.take("acknowledged", message);
        },
        { ack: "client-individual" },
      );
      await carol.sent("/app/chat.send", {
        ...{ conversationId: "acked", recipientId: "dave", content: "acknowledged" },
      });
      await acknowledging.event("acknowledged");
      await acknowledging.event("/user/dave/queue/messages");
      const isDelivered = ({ status }: Record<string, unknown>) => status === "DELIVERED";
      await carol.event("/user/carol/queue/confirmations", isDelivered);
    });
    expect(carol.got(queue)).toEqual([]);
    expect(grown).toEqual({ message: 2, confirmation: 2 });
    await carol.close();
    await acknowledging.close();
  });

  test("receipts, typing and refusals", async () => {
    const { id } = await bob.event("/user/bob/queue/messages");
    const read = await grownBy(async () => {
      bob.send("/app/chat.read", { id });
      await alice.event("/user/alice/queue/receipts");
    });
    expect(read).toEqual({ receipt: 1 });

    await alice.subscribed("/topic/typing/out");
    const typed = await grownBy(async () => {
      for (const isTyping of [true, false]) {
        bob.send("/app/chat.typing/out", { isTyping });
        await alice.event("/topic/typing/out", (event) => event.isTyping === isTyping);
      }
    });
    expect(typed).toEqual({ typing: 2 });

    const refused = await grownBy(async () => {
      bob.send("/app/chat.send", { conversationId: "out", content: "" });
      await bob.event("/user/bob/queue/errors");
    });
    expect(refused).toEqual({ error: 1 });
  });

  test("presence, once for each who listens", async () => {
    const seen = async (status: string, { userId }: StockClient) => {
      const isIt = (event: Record<string, unknown>) =>
        event.userId === userId && event.status === status;
      await Promise.all([alice, bob].map((client) => client.event("/topic/presence", isIt)));
    };
    // What was due before has gone out when both have changed.
    for (const client of [alice, bob]) {
      client.send("/app/user.presence", { status: "AWAY" });
      await seen("AWAY", client);
    }
    const before = (await counts()).get("presence") ?? 0;
    alice.send("/app/user.presence", { status: "OFFLINE" });
    await seen("OFFLINE", alice);
    expect((await counts()).get("presence")).toBe(before + 2);
  });

  test("topics by their subscriptions, those with wildcards too", async () => {
    await alice.subscribed("/topic/out.*");
    await alice.subscribed("/topic/out.news");
    await bob.subscribed("/topic/out.news");
    const grown = await grownBy(async () => {
      bob.send("/topic/out.news", { news: 1 });
      await bob.event("/topic/out.news");
      await alice.event("/topic/out.news");
      await alice.event("/topic/out.*");
    });
    expect(grown).toEqual({ topic: 3 });
  });
});

test("work queues are measured all together, and those that are named each by itself", async () => {
  const measured = async () => {
    const values = await scrape(server);
    const all = (state: string) => values.get(`parley_queue_messages{state="${state}"}`);
    const named = (queue: string, state: string) =>
      values.get(`parley_named_queue_messages{queue="/queue/${queue}",state="${state}"}`);
    return {
      queues: values.get("parley_queues"),
      consumers: values.get("parley_queue_consumers"),
      all: [all("waiting"), all("unacknowledged"), all("dead")],
      named: [named("named", "waiting"), named("named", "unacknowledged")],
      none: [named("none", "waiting"), named("none", "unacknowledged")],
      holds: (values.get("parley_queue_bytes") ?? 0) > 0,
      out: values.get('parley_messages_out_total{kind="queue"}'),
    };
  };
  const none = [0, 0];
  const empty = {
    queues: 0,
    consumers: 0,
    all: [0, 0, 0],
    named: none,
    none,
    holds: false,
    out: 0,
  };
  expect(await measured()).toEqual(empty);

  for (let count = 1; count <= 5; count += 1) await alice.sent("/queue/named", { count });
  await alice.sent("/queue/other", { count: 1 });
  const full = { ...empty, queues: 2, all: [6, 0, 0], named: [5, 0], holds: true };
  expect(await measured()).toEqual(full);

  const taken: IMessage[] = [];
  const subscription = bob.stomp.subscribe(
    "/queue/named",
    (message) => {
      taken.push(message);
      bob.note();
    },
    { ack: "client-individual", "prefetch-count": "3" },
  );
  await bob.until(() => taken.length === 3);
  const busy = { ...full, consumers: 1, all: [3, 3, 0], named: [2, 3], out: 3 };
  expect(await measured()).toEqual(busy);

  taken[0]?.ack();
  await bob.until(() => taken.length === 4);
  expect(await measured()).toEqual({ ...busy, all: [2, 3, 0], named: [1, 3], out: 4 });
  // A message that is refused for good makes room for the last one.
  taken[1]?.nack({ requeue: "false" });
  await bob.until(() => taken.length === 5);
  const refused = { ...busy, queues: 3, all: [1, 3, 1], named: [0, 3], out: 5 };
  expect(await measured()).toEqual(refused);

  // In a transaction, what is acknowledged is not done with before the COMMIT.
  const transaction = bob.stomp.begin();
  taken[2]?.ack({ transaction: transaction.id });
  await bob.subscribed("/topic/behind-it");
  expect(await measured()).toEqual(refused);
  transaction.commit();
  await bob.subscribed("/topic/behind-the-commit");
  expect(await measured()).toEqual({ ...refused, all: [1, 2, 1], named: [0, 2] });

  subscription.unsubscribe();
  await bob.subscribed("/topic/behind-the-end");
  expect(await measured()).toEqual({ ...refused, consumers: 0, all: [3, 0, 1], named: [2, 0] });
});
