/**
 * What users ask a grown database: 1,000,000 messages in 10,000 conversations, on disk. The reads are
 * those of the server, on the thread that the server does them on.
 *
 *     bun bench/micro/lists.ts [folder]
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatStore, ListQuery, StoredMessage, WriteBatch } from "../../src/chat/ports.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { READS } from "../../src/storage/sqlite-reads.ts";

const CONVERSATIONS = 10_000;
const MESSAGES_IN_EACH = 100;
/** Written together: the messages of so many conversations. */
const IN_A_COMMIT = 50;
const READS_OF_EACH = 2_000;
const CONTENT = "the quick brown fox jumps over the lazy dog, and then again. ".repeat(2);
const START_MS = Date.UTC(2026, 0, 1);

/**
 * Of every 20th conversation `regular` is a member, and has read a part of each; `idle` is one of the
 * same and has read nothing; `everywhere` is one of them all.
 */
const isRegular = (at: number) => at % 20 === 0;

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "parley-bench-"));
try {
  const path = join(folder, "parley.db");
  const storage = await openSqliteStorage({ path });
  await fill(storage.chat);
  console.log(
    `${cpus()[0]?.model ?? "?"}, ${cpus().length} cores, Bun ${Bun.version}, ${megabytes(path)} MB\n`,
  );
  await measure(storage.chat);
  await storage.close();
  printPlans(path);
} finally {
  rmSync(folder, { recursive: true });
}

async function fill(store: ChatStore): Promise<void> {
  for (let first = 0; first < CONVERSATIONS; first += IN_A_COMMIT) {
    const numbers = Array.from({ length: IN_A_COMMIT }, (_, index) => first + index);
    // As they come in life: conversations take turns.
    const messages = Array.from({ length: MESSAGES_IN_EACH }, (_, index) =>
      numbers.map((at) => messageOf(at, index + 1)),
    ).flat();
    const batch: WriteBatch = {
      conversations: numbers.map(conversationOf),
      messages,
      watermarks: numbers.filter(isRegular).map((at) => ({
        ...{ conversationId: idOf(at), userId: "regular", deliveredSeq: MESSAGES_IN_EACH },
        readSeq: (at * 7) % (MESSAGES_IN_EACH + 1),
      })),
      ...{ users: [], removedMembers: [], addedMembers: [], roles: [], profiles: [] },
      ...{ preferences: [], messageChanges: [] },
    };
    await store.commit(batch);
  }
}

function idOf(at: number): string {
  return `conversation-${String(at).padStart(5, "0")}`;
}

function conversationOf(at: number): WriteBatch["conversations"][number] {
  const memberIds = [`a-${at}`, `b-${at}`, "everywhere"];
  if (isRegular(at)) memberIds.push("regular", "idle");
  const members = memberIds.map((userId) => ({ userId, role: "member" as const }));
  const profile = { title: `Conversation ${at}`, picture: null };
  return { id: idOf(at), kind: "group", createdMs: START_MS, ...profile, members };
}

function messageOf(at: number, seq: number): StoredMessage {
  const senderId = seq % 2 === 0 ? `a-${at}` : `b-${at}`;
  return {
    ...{ id: Bun.randomUUIDv7(), conversationId: idOf(at), seq, senderId, senderName: senderId },
    ...{ recipientId: null, clientMessageId: crypto.randomUUID(), type: "TEXT" },
    ...{
      content: CONTENT,
      replyTo: null,
      attachments: null,
      event: null,
      edited: null,
      reactions: null,
    },
    ...{ editedMs: null, deletedMs: null, pinnedMs: null, replyCount: 0 },
    timestampMs: START_MS + ((at * 7_919) % CONVERSATIONS) * 1_000 + seq,
  };
}

async function measure(store: ChatStore): Promise<void> {
  const top = (userId: string): ListQuery => ({ userId, archived: false, after: null, limit: 50 });
  const middle = (await store.conversationsOf({ ...top("regular"), limit: 250 })).at(-1);
  if (middle === undefined) throw new Error("the list has no middle");
  const after = { pinnedMs: 0, activeMs: middle.activeMs, id: middle.id };
  const pick = (count: number) => idOf((count * 6_151) % CONVERSATIONS);
  const regular = (count: number) => idOf(((count * 61) % (CONVERSATIONS / 20)) * 20);
  const reads: Record<string, (count: number) => unknown> = {
    "list, 50 of 500, half of each unread": () => store.conversationsOf(top("regular")),
    "list, 50 in the middle of 500": () => store.conversationsOf({ ...top("regular"), after }),
    "list, 50 of 500, all unread": () => store.conversationsOf(top("idle")),
    "list, 50 of 10,000, all unread": () => store.conversationsOf(top("everywhere")),
    "one conversation": (count) => store.conversationOf("regular", regular(count)),
    "history, last 50": (count) => store.history({ conversationId: pick(count), limit: 50 }),
    "history, 50 before the middle": (count) =>
      store.history({ conversationId: pick(count), beforeSeq: 60, limit: 50 }),
    "history, 50 after the beginning": (count) =>
      store.history({ conversationId: pick(count), afterSeq: 10, limit: 50 }),
  };
  console.log("read".padEnd(42), "p50 ms".padStart(9), "p99 ms".padStart(9));
  for (const [name, read] of Object.entries(reads)) {
    const timesMs: number[] = [];
    for (let count = 0; count < READS_OF_EACH; count += 1) {
      const startMs = performance.now();
      await read(count);
      timesMs.push(performance.now() - startMs);
    }
    timesMs.sort((a, b) => a - b);
    const at = (part: number) => timesMs[Math.floor((timesMs.length - 1) * part)] ?? Number.NaN;
    console.log(name.padEnd(42), at(0.5).toFixed(3).padStart(9), at(0.99).toFixed(3).padStart(9));
  }
}

function printPlans(path: string): void {
  using db = new Database(path, { readonly: true });
  for (const name of ["conversationList", "historyBefore", "historyAfter"] as const) {
    console.log(`\n${name}`);
    const plan = db.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${READS[name]}`).all();
    for (const { detail } of plan) console.log(`  ${detail}`);
  }
}

function megabytes(path: string): number {
  return Math.round(statSync(path).size / 1e6);
}
