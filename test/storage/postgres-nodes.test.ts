import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CommitConflict } from "../../src/chat/chat-writes.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { batch, conversation, identity, message, watermark } from "../support/stored.ts";
import { jobs } from "../support/stored-jobs.ts";

describe("two nodes that write into one database", () => {
  let nodes: readonly [Storage, Storage];

  beforeEach(async () => {
    const databases = await postgresDatabases();
    const one = await databases.open();
    nodes = [one, await openPostgresStorage({ url: databases.sharedUrl })];
  });
  afterEach(() => Promise.all(nodes.map((node) => node.close())));

  const nodeOf = (index: number) => (index % 2 === 0 ? nodes[0] : nodes[1]);

  /** As a node sends again: what is in the way goes, what is not takes the next free place. */
  async function send(node: Storage, said: readonly StoredMessage[]): Promise<number> {
    let waiting = [...said];
    for (let attempts = 1; ; attempts += 1) {
      const before = (await node.chat.conversation("chat"))?.lastSeq ?? 0;
      waiting = waiting.map((each, at) => ({ ...each, seq: before + 1 + at }));
      try {
        await node.chat.commit(batch({ messages: waiting }));
        return attempts;
      } catch (fault) {
        if (!(fault instanceof CommitConflict)) throw fault;
        const indexes = fault.conflicts.map(({ index }) => index);
        expect(indexes).toEqual(indexes.toSorted((a, b) => a - b));
        const known = new Set(fault.conflicts.filter(({ first }) => first !== null));
        const gone = new Set([...known].map(({ index }) => index));
        waiting = waiting.filter((_, at) => !gone.has(at));
      }
    }
  }

  test("keep each client's id once, seqs without gaps, and no message twice", async () => {
    await nodes[0].chat.commit(batch({ conversations: [conversation()] }));
    const rounds = Array.from({ length: 30 }, (_, round) => round);
    // Both send the same messages, under ids of their own, in the other order.
    const said = (round: number, node: number) => {
      const ids = Array.from({ length: 5 }, (_, at) => `c${round}-${at}`);
      return (node === 0 ? ids : ids.toReversed()).map((clientMessageId) =>
        message(1, { id: `${node}:${clientMessageId}`, clientMessageId }),
      );
    };
    await Promise.all(
      [0, 1].map(async (node) => {
        for (const round of rounds) await send(nodeOf(node), said(round, node));
      }),
    );
    const kept = await nodes[1].chat.history({ conversationId: "chat", limit: 1_000 });
    expect(kept.map(({ seq }) => seq)).toEqual(kept.map((_, at) => at + 1));
    const clientIds = kept.map(({ clientMessageId }) => clientMessageId);
    expect(new Set(clientIds).size).toBe(150);
    expect(clientIds).toHaveLength(150);
  });

  test("write to the same conversations at once, and each commit is taken, behind the other's", async () => {
    const ids = ["ab", "cd", "ef"];
    await nodes[0].chat.commit(batch({ conversations: ids.map((id) => conversation(id)) }));
    let asked = 0;
    await Promise.all(
      nodes.map(async (node, number) => {
        const lastSeqs = new Map(ids.map((id) => [id, 0]));
        const placed = (round: number) => {
          const at = new Map(lastSeqs);
          const messages = [...ids, ...ids].map((conversationId, index) => {
            const seq = (at.get(conversationId) ?? 0) + 1;
            at.set(conversationId, seq);
            return message(seq, { id: `${number}:${round}:${index}`, conversationId });
          });
          return { at, written: batch({ messages }) };
        };
        for (let round = 1; round <= 40; round += 1) {
          let { at, written } = placed(round);
          await node.chat.commit(written, (known) => {
            asked += 1;
            for (const [id, seq] of known) lastSeqs.set(id, seq);
            ({ at, written } = placed(round));
            return written;
          });
          for (const [id, seq] of at) lastSeqs.set(id, seq);
        }
      }),
    );
    expect(asked).toBeGreaterThan(0);
    for (const conversationId of ids) {
      const kept = await nodes[0].chat.history({ conversationId, limit: 1_000 });
      expect(kept.map(({ seq }) => seq)).toEqual(Array.from({ length: 160 }, (_, at) => at + 1));
      for (const number of [0, 1]) {
        const own = kept.filter(({ id }) => id.startsWith(`${number}:`));
        const rounds = own.map(({ id }) => Number(id.split(":")[1]));
        expect(rounds).toEqual(rounds.toSorted((a, b) => a - b));
        expect(rounds).toHaveLength(80);
      }
    }
  });

  test("are told of all messages in the way, also of those that came in the meantime", async () => {
    await nodes[0].chat.commit(batch({ conversations: [conversation(), conversation("other")] }));
    const first = [1, 2].map((seq) => message(seq, { clientMessageId: `c${seq}` }));
    const [one, other] = await Promise.allSettled([
      nodes[0].chat.commit(batch({ messages: first })),
      nodes[1].chat.commit(
        batch({
          messages: [
            message(1, { id: "a", clientMessageId: "c2", conversationId: "other" }),
            message(2, { id: "b", conversationId: "other" }),
            message(1, { id: "c" }),
          ],
        }),
      ),
    ]);
    const statuses = [one.status, other.status].toSorted();
    expect(statuses).toEqual(["fulfilled", "rejected"]);
    const refused = one.status === "rejected" ? one : other;
    const fault = refused.status === "rejected" ? refused.reason : null;
    const [kept] = first.slice(1);
    const expected =
      one.status === "rejected"
        ? [
            { index: 0, first: null },
            { index: 1, first: expect.objectContaining({ id: "a" }) },
          ]
        : [
            { index: 0, first: kept === undefined ? null : identity(kept) },
            { index: 2, first: null },
          ];
    expect(fault).toMatchObject({ conflicts: expected });
  });

  test("neither wait for each other for good nor lose anything, whatever they touch in whatever order", async () => {
    const ids = Array.from({ length: 12 }, (_, at) => `room-${at}`);
    const users = (node: number) =>
      ids.map((id) => ({ userId: `user ${id}`, name: `of ${node}`, lastSeenMs: 1 + node }));
    await Promise.all(
      nodes.map(async (node, number) => {
        const order = number === 0 ? ids : ids.toReversed();
        for (let seq = 1; seq <= 20; seq += 1) {
          const messages = order.map((conversationId) =>
            message(2 * seq - number, {
              ...{ conversationId, id: `${number}:${conversationId}:${seq}` },
            }),
          );
          await node.chat.commit(
            batch({
              conversations: order.map((id) => conversation(id)),
              messages,
              watermarks: order.map((id) => watermark("bob", seq, seq, id)),
              users: number === 0 ? users(number) : users(number).toReversed(),
              messageChanges: order.map((id) => ({
                ...{ kind: "react", messageId: `0:${id}:1`, userId: `u${number}` },
                ...{ emoji: "x", reactedMs: seq },
              })),
            }),
          );
        }
      }),
    );
    for (const id of ids) {
      expect(await nodes[0].chat.conversation(id)).toMatchObject({ lastSeq: 40 });
      expect(await nodes[1].chat.history({ conversationId: id, limit: 100 })).toHaveLength(40);
    }
  });

  test("remove what has expired at the same time, once", async () => {
    const all = Array.from({ length: 40 }, (_, at) =>
      message(at + 1, { clientMessageId: `c${at}` }),
    );
    await nodes[0].chat.commit(batch({ conversations: [conversation()], messages: all }));
    const portion = { beforeMs: null, keepLast: 10, after: null, limit: 100 };
    const removed = await Promise.all(nodes.map((node) => node.chat.removeExpired(portion)));
    expect(removed.reduce((sum, each) => sum + each.removed, 0)).toBe(30);
    const [first] = all;
    expect(await nodes[1].chat.messageByClientId("alice", "c0")).toEqual(
      first === undefined ? null : identity(first),
    );
  });

  test("take no message again that the other one removes at that moment", async () => {
    await nodes[0].chat.commit(batch({ conversations: [conversation(), conversation("other")] }));
    for (let round = 1; round <= 40; round += 1) {
      const sent = message(round, { clientMessageId: `c${round}` });
      await nodes[0].chat.commit(batch({ messages: [sent] }));
      const again = { ...sent, id: `again ${round}`, conversationId: "other" };
      const portion = { beforeMs: sent.timestampMs + 1, keepLast: null, after: null, limit: 10 };
      const [removed, refused] = await Promise.allSettled([
        nodes[0].chat.removeExpired(portion),
        nodes[1].chat.commit(batch({ messages: [again] })),
      ]);
      expect(removed).toMatchObject({ status: "fulfilled", value: { removed: 1 } });
      expect(refused).toMatchObject({
        ...{ status: "rejected" },
        reason: { conflicts: [{ index: 0, first: identity(sent) }] },
      });
    }
  });

  test("see what the other one has committed", async () => {
    const invite = { code: "c", conversationId: "chat", creatorId: "alice", createdMs: 1 };
    await nodes[0].invites.put({ ...invite, expiresMs: null });
    await nodes[0].blocks.put({ blockerId: "alice", blockedId: "bob" }, true);
    expect(await nodes[1].invites.byCode("c")).toMatchObject(invite);
    expect(await nodes[1].blocks.all()).toHaveLength(1);
  });

  test("claim the messages of a queue at the same time, each of them once", async () => {
    const stores = nodes.map(({ sharedQueues }) => {
      if (sharedQueues === null) throw new TypeError("PostgreSQL is for several nodes");
      return sharedQueues;
    });
    const nothing = { returned: [], removed: [], appended: [], wanted: [] };
    await stores[0]?.commit({ ...nothing, claimant: null, appended: jobs(600) });
    let left = 600;
    const got = await Promise.all(
      stores.map(async (store) => {
        const lease = await store.enter(600_000);
        const own: string[] = [];
        for (let run = 1; ; run += 1) {
          const claimant = { lease, run, undone: [] };
          const wanted = [{ queue: "/queue/jobs", limit: 10 }];
          const { claimed } = await store.commit({ ...nothing, claimant, wanted });
          const ids = claimed.map(({ id }) => id);
          if (ids.length === 0) return own;
          own.push(...ids);
          const removed = ids.slice(5);
          await store.commit({ ...nothing, claimant, removed });
          left -= removed.length;
        }
      }),
    );
    const all = got.flat();
    expect(all).toHaveLength(600);
    expect(new Set(all).size).toBe(600);
    // About half: what is left when the other one has claimed may be less than ten.
    expect(left).toBeLessThan(400);
    expect(await stores[0]?.counts()).toMatchObject([{ messages: left, claimed: left }]);
  });

  test("claim under a lease that the other one ends, and no claim is left behind", async () => {
    const [one, other] = nodes.map(({ sharedQueues }) => sharedQueues);
    if (one == null || other == null) throw new TypeError("PostgreSQL is for several nodes");
    const nothing = { returned: [], removed: [], appended: [], wanted: [] };
    await one.commit({ ...nothing, claimant: null, appended: jobs(500) });
    for (let round = 0; round < 20; round += 1) {
      const lease = await one.enter(0);
      const claims = Array.from({ length: 5 }, (_, run) =>
        one.commit({
          ...{ ...nothing, claimant: { lease, run, undone: [] } },
          wanted: [{ queue: "/queue/jobs", limit: 20 }],
        }),
      );
      const ended = async () => {
        // Whoever is in a commit is passed over.
        while (await other.renew(lease, 0)) await other.endExpired();
      };
      await Promise.allSettled([...claims, ended()]);
      expect(await other.counts()).toMatchObject([{ messages: 500, claimed: 0 }]);
    }
  });
});

describe("a database that many nodes open at once", () => {
  test("is brought up to date once", async () => {
    const url = await (await postgresDatabases()).make();
    const opened = await Promise.all(
      Array.from({ length: 6 }, () => openPostgresStorage({ url, connections: 4 })),
    );
    await opened[0]?.chat.commit(batch({ conversations: [conversation()] }));
    for (const node of opened) expect(await node.chat.conversation("chat")).not.toBeNull();
    await Promise.all(opened.map((node) => node.close()));
  });
});
