import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { NoticeOutcome } from "../../src/notify/ports.ts";
import { NOTICE_CHANNELS, type NoticeChannel } from "../../src/notify/provider.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { expandAll, NOW_MS, target } from "../support/noticed.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { batch, conversation, EPOCH_MS, joining, message } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const USERS = ["alice", "bob", "carol"];
const CHATS = ["chat", "other"];
const FAR_MS = NOW_MS + 1_000_000_000;

const folder = new TemporaryFolder();
let files = 0;
afterAll(() => folder[Symbol.dispose]());

const user = fc.constantFrom(...USERS);
const chat = fc.constantFrom(...CHATS);
const targetId = fc.constantFrom("t1", "t2", "t3", "t4");
const time = fc.nat({ max: 50 }).map((ms) => NOW_MS + ms);

const SAY = fc.record({
  act: fc.constant("say" as const),
  ...{ user, chat, named: fc.option(user) },
  kind: fc.constantFrom("message", "event", "quiet"),
});
const EXPAND = fc.record({
  act: fc.constant("expand" as const),
  nowMs: time,
  webhooks: fc.boolean(),
  channels: fc.subarray([...NOTICE_CHANNELS]),
});
const SETTLE = fc.record({
  act: fc.constant("settle" as const),
  nowMs: time,
  kinds: fc.array(fc.constantFrom("sent", "dropped", "later", "dead"), { minLength: 1 }),
  /** Something is said before the outcome is known. */
  isLate: fc.boolean(),
});
const CHANGE = fc.record({
  act: fc.constant("change" as const),
  what: fc.constantFrom("read", "leave", "join", "delete", "unblock"),
  ...{ user, chat },
});
const REST = fc.oneof(
  CHANGE,
  fc.record({ act: fc.constant("mute" as const), user, chat, untilMs: fc.option(time) }),
  fc.record({ act: fc.constant("block" as const), user, other: user }),
  fc.record({
    act: fc.constant("target" as const),
    ...{ user, id: targetId, address: fc.constantFrom("a", "b") },
  }),
  fc.record({ act: fc.constant("remove target" as const), user, id: targetId }),
  fc.record({ act: fc.constant("replay" as const), nowMs: time }),
  fc.record({ act: fc.constant("forget sent" as const), beforeMs: time }),
  fc.record({
    act: fc.constant("forget waiting" as const),
    channels: fc.subarray([...NOTICE_CHANNELS]),
  }),
  fc.record({ act: fc.constant("expire" as const) }),
);
const STEP = fc.oneof(SAY, EXPAND, SETTLE, REST);
type Made<From> = From extends fc.Arbitrary<infer Each> ? Each : never;
type Step = Made<typeof STEP>;

/** Of a target, which is of one channel for good. */
function channelOf(id: string): NoticeChannel {
  return id === "t2" || id === "t4" ? "fcm" : "webpush";
}

/** What one store has become by the steps. */
class Subject {
  readonly #lastSeqs = new Map(CHATS.map((id) => [id, 0]));
  #letters = 0;

  constructor(readonly storage: Storage) {}

  async begin(): Promise<void> {
    const conversations = CHATS.map((id) => conversation(id, USERS));
    await this.storage.chat.commit(batch({ conversations }));
    for (const [at, userId] of USERS.entries()) {
      const id = `t${at + 1}`;
      await this.storage.notices.putTarget(target(id, { userId, channel: channelOf(id) }));
    }
  }

  async do(step: Step): Promise<void> {
    const { chat: chats, notices, blocks } = this.storage;
    switch (step.act) {
      case "say":
        return await this.#say(step);
      case "expand": {
        const channels = step.channels.map((channel, at) => ({
          ...{ channel, delayMs: at * 7, intervalMs: 5 + at },
        }));
        return await expandAll(notices, { ...step, channels });
      }
      case "settle":
        return await this.#settle(step);
      case "target": {
        const { user: userId, id, address } = step;
        return await notices.putTarget(target(id, { userId, address, channel: channelOf(id) }));
      }
      case "remove target":
        return await notices.removeTarget(step.user, step.id);
      case "block":
        return await blocks.put({ blockerId: step.user, blockedId: step.other }, true);
      case "mute": {
        const { user: userId, chat: conversationId, untilMs: mutedUntilMs } = step;
        const preferences = [{ conversationId, userId, mutedUntilMs }];
        return await chats.commit(batch({ preferences }));
      }
      case "replay": {
        const letters = await notices.deadLetters(null, 3);
        const ids = letters.map(({ id }) => id);
        await notices.replay(ids, step.nowMs);
        return;
      }
      case "forget sent":
        return await notices.forgetSent(step.beforeMs);
      case "forget waiting":
        return await notices.forgetWaiting(step.channels);
      case "expire": {
        await chats.removeExpired({ beforeMs: null, keepLast: 2, after: null, limit: 100 });
        return;
      }
      case "change":
        return await this.#change(step);
    }
  }

  /** All that can be asked of it. */
  async state(): Promise<unknown> {
    const { notices, webhooks } = this.storage;
    const due = await Promise.all(
      NOTICE_CHANNELS.map(async (channel) => {
        const rows = await notices.due(channel, FAR_MS, 1_000);
        const named = rows.map((row) => ({ name: `${row.target.id} ${row.conversationId}`, row }));
        return named.sort((a, b) => (a.name < b.name ? -1 : 1));
      }),
    );
    return {
      ...{ due, nextDueMs: await notices.nextDueMs(NOTICE_CHANNELS) },
      targets: await Promise.all(USERS.map((each) => notices.targetsOf(each))),
      letters: await notices.deadLetters(null, 1_000),
      waiting: [await notices.waiting(), await webhooks.waiting()],
      // Positions are each engine's own.
      events: (await webhooks.due(FAR_MS, [], 1_000)).map(({ position: _, ...event }) => event),
    };
  }

  async #say({ user: senderId, chat: conversationId, named, kind }: Omit<Made<typeof SAY>, "act">) {
    const seq = (this.#lastSeqs.get(conversationId) ?? 0) + 1;
    this.#lastSeqs.set(conversationId, seq);
    const said = message(seq, {
      ...{ conversationId, senderId, mentions: named === null ? null : JSON.stringify([named]) },
      ...(kind === "event" && { event: "{}", type: "TITLE", mentions: null }),
    });
    const outbox = kind === "quiet" ? [] : [said.id];
    await this.storage.chat.commit(batch({ messages: [said], outbox }));
  }

  async #settle({ nowMs, kinds, isLate }: Omit<Made<typeof SETTLE>, "act">): Promise<void> {
    const { notices } = this.storage;
    const due = await Promise.all(
      NOTICE_CHANNELS.map((channel) => notices.due(channel, nowMs, 1_000)),
    );
    const keys = due
      .flat()
      .map(({ target: { id }, conversationId, lastSeq }) => ({
        ...{ targetId: id, conversationId, lastSeq },
      }))
      .sort((a, b) =>
        `${a.targetId} ${a.conversationId}` < `${b.targetId} ${b.conversationId}` ? -1 : 1,
      );
    if (isLate) {
      await this.#say({ user: "alice", chat: "chat", named: "bob", kind: "message" });
      await this.do({ act: "expand", nowMs, webhooks: true, channels: [...NOTICE_CHANNELS] });
    }
    const outcomes = keys.map((key, at): NoticeOutcome => {
      switch (kinds[at % kinds.length]) {
        case "sent":
          return { ...key, kind: "sent", sentMs: nowMs, nextMs: nowMs + at * 20 };
        case "later":
          return { ...key, kind: "later", dueMs: nowMs + 10, attempts: at + 1 };
        case "dead": {
          this.#letters += 1;
          const letterId = `l${String(this.#letters).padStart(4, "0")}`;
          const event = {
            ...{ id: `e${letterId}`, type: "delivery.failed", lane: `user:${at}` },
            ...{ createdMs: nowMs, data: "{}" },
          };
          const fate = { attempts: 2, reason: "no", diedMs: nowMs };
          return { ...key, kind: "dead", letterId, ...fate, event: at % 2 === 0 ? event : null };
        }
        default:
          return { ...key, kind: "dropped" };
      }
    });
    await notices.settle(outcomes);
  }

  async #change({
    what,
    user: userId,
    chat: conversationId,
  }: Omit<Made<typeof CHANGE>, "act">): Promise<void> {
    const { chat: chats, blocks } = this.storage;
    const seq = this.#lastSeqs.get(conversationId) ?? 0;
    const member = { conversationId, userId };
    switch (what) {
      case "read":
        return await chats.commit(
          batch({ watermarks: [{ ...member, deliveredSeq: seq, readSeq: seq }] }),
        );
      case "leave":
        return await chats.commit(batch({ removedMembers: [member] }));
      case "join":
        return await chats.commit(
          batch({ addedMembers: [{ ...joining(userId, Math.max(seq - 1, 0)), conversationId }] }),
        );
      case "delete": {
        const messageId = `${conversationId}#${seq}`;
        const deletion = { kind: "delete", messageId, deletedMs: EPOCH_MS } as const;
        return await chats.commit(batch({ messageChanges: [deletion] }));
      }
      default:
        for (const blockedId of USERS) await blocks.put({ blockerId: userId, blockedId }, false);
    }
  }
}

test("memory, SQLite and PostgreSQL tell the same of what is said, whatever happens besides", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 10, maxLength: 40, size: "max" }),
      async (steps) => {
        files += 1;
        const storages = [
          ...[memoryStorage(), await openSqliteStorage({ path: folder.file(`${files}.db`) })],
          await (await postgresDatabases()).open(),
        ];
        try {
          const [memory, ...engines] = storages.map((storage) => new Subject(storage));
          if (memory === undefined) return;
          for (const subject of [memory, ...engines]) await subject.begin();
          for (const step of steps) {
            for (const subject of [memory, ...engines]) await subject.do(step);
            const expected = await memory.state();
            for (const engine of engines) expect(await engine.state()).toEqual(expected);
          }
        } finally {
          await Promise.all(storages.map((storage) => storage.close()));
        }
      },
    ),
    { numRuns: 8 },
  );
}, 60_000);
