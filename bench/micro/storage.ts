/**
 * What the SQLite store costs: commits by batch size (through the writer's thread, durable), and the
 * reads that the server does on its main thread.
 *
 *     bun bench/micro/storage.ts [folder]
 *
 * The folder should be on the disk that the server would use; it is the system's temporary one
 * without it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";

const COMMIT_SECONDS = 2;
const READS = 3_000;
const NO_PROFILE = { title: null, picture: null, disappearAfterSeconds: null };
const CONVERSATIONS = 1_000;
const CONTENT = "the quick brown fox jumps over the lazy dog, and then again. ".repeat(2);

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "parley-bench-"));
try {
  const storage = await openSqliteStorage({ path: join(folder, "parley.db") });
  console.log(
    `${cpus()[0]?.model ?? "?"}, ${cpus().length} cores, Bun ${Bun.version}, ${folder}\n`,
  );
  await benchCommits(storage.chat);
  await benchReads(storage.chat);
  await storage.close();
} finally {
  rmSync(folder, { recursive: true });
}

async function benchCommits(store: ChatStore): Promise<void> {
  console.log("rows a commit      rows/s   commits/s    p50 ms    p99 ms");
  for (const size of [1, 10, 100, 1_000]) {
    const conversationId = `commits of ${size}`;
    await store.commit(emptyBatch({ conversations: [direct(conversationId, "alice", "bob")] }));
    let seq = 0;
    const timesMs: number[] = [];
    const endMs = performance.now() + COMMIT_SECONDS * 1_000;
    while (performance.now() < endMs) {
      const messages = Array.from({ length: size }, () => newMessage(conversationId, ++seq));
      const startMs = performance.now();
      await store.commit(emptyBatch({ messages }));
      timesMs.push(performance.now() - startMs);
    }
    const totalMs = timesMs.reduce((sum, each) => sum + each, 0);
    const [p50, p99] = percentiles(timesMs);
    console.log(
      [
        String(size).padStart(13),
        String(Math.round((seq / totalMs) * 1_000)).padStart(11),
        String(Math.round((timesMs.length / totalMs) * 1_000)).padStart(11),
        p50.toFixed(3).padStart(9),
        p99.toFixed(3).padStart(9),
      ].join(" "),
    );
  }
}

async function benchReads(store: ChatStore): Promise<void> {
  const ids = Array.from({ length: CONVERSATIONS }, (_, index) => `reads ${index}`);
  for (const id of ids) {
    const messages = Array.from({ length: 60 }, (_, index) => newMessage(id, index + 1));
    const watermarks = [
      { conversationId: id, userId: "carol", deliveredSeq: 60, readSeq: 60 },
      { conversationId: id, userId: "dave", deliveredSeq: 0, readSeq: 0 },
    ];
    await store.commit(
      emptyBatch({ conversations: [direct(id, "carol", "dave")], messages, watermarks }),
    );
  }

  console.log(`\nread (${CONVERSATIONS} conversations of the user)        p50 µs    p99 µs`);
  const pick = (count: number) => ids[count % ids.length] ?? "";
  const reads: Record<string, (count: number) => unknown> = {
    "messageByClientId, unknown": (count) => store.messageByClientId("alice", `none ${count}`),
    messageById: () => store.messageById("reads 5#30"),
    "conversation of two": (count) => store.conversation(pick(count)),
    "history, last 50": (count) => store.history({ conversationId: pick(count), limit: 50 }),
    "history, 50 after": (count) =>
      store.history({ conversationId: pick(count), afterSeq: 5, limit: 50 }),
    "lastMessagePerSender, of 60": (count) =>
      store.lastMessagePerSender(pick(count), 0, 60, "dave"),
    "backlog, nothing waits": () => store.backlog("carol"),
    "backlog, all wait": () => store.backlog("dave"),
    "conversationsOf, 50 on top": () =>
      store.conversationsOf({ userId: "carol", archived: false, after: null, limit: 50 }),
    "users, 50 asked": () => store.users(ids.slice(0, 50)),
  };
  for (const [name, read] of Object.entries(reads)) {
    const timesMs: number[] = [];
    for (let count = 0; count < READS; count++) {
      const startMs = performance.now();
      await read(count);
      timesMs.push(performance.now() - startMs);
    }
    const [p50, p99] = percentiles(timesMs);
    const columns = [name.padEnd(42), micros(p50), micros(p99)];
    console.log(columns.join(" "));
  }
}

function micros(ms: number): string {
  return (ms * 1_000).toFixed(1).padStart(9);
}

function percentiles(times: readonly number[]): [p50: number, p99: number] {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
  return [at(0.5), at(0.99)];
}

function emptyBatch(parts: Partial<WriteBatch>): WriteBatch {
  return {
    ...{ conversations: [], messages: [], watermarks: [], users: [] },
    ...{ removedMembers: [], addedMembers: [], roles: [], profiles: [], preferences: [] },
    messageChanges: [],
    outbox: [],
    ...parts,
  };
}

function direct(id: string, ...memberIds: string[]): WriteBatch["conversations"][number] {
  const members = memberIds.map((userId) => ({ userId, role: "member" as const }));
  return { id, kind: "direct", createdMs: Date.now(), ...NO_PROFILE, members };
}

function newMessage(conversationId: string, seq: number): StoredMessage {
  return {
    id: conversationId.startsWith("reads") ? `${conversationId}#${seq}` : Bun.randomUUIDv7(),
    conversationId,
    seq,
    senderId: "alice",
    senderName: "Alice",
    recipientId: "bob",
    clientMessageId: crypto.randomUUID(),
    type: "TEXT",
    content: CONTENT,
    replyTo: null,
    attachments: null,
    timestampMs: Date.now(),
    ...{ event: null, edited: null, editedMs: null, deletedMs: null, pinnedMs: null },
    reactions: null,
    replyCount: 0,
    mentions: null,
    expiresMs: null,
  };
}
