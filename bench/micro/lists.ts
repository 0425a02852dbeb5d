/**
 * What users ask a grown database: 1,000,000 messages in 10,000 conversations, on disk. The reads are
 * those of the server, on the threads that the server does them on; a search is measured with its
 * way to its thread and back.
 *
 *     bun bench/micro/lists.ts [folder]
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore, ListQuery } from "../../src/chat/ports.ts";
import type { MessageSearch, SearchQuery } from "../../src/chat/search.ts";
import { parseTerms } from "../../src/chat/search-text.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { READS } from "../../src/storage/sqlite-reads.ts";
import type { Storage } from "../../src/storage/storage.ts";

const CONVERSATIONS = 10_000;
const MESSAGES_IN_EACH = 100;
/** Written together: the messages of so many conversations. */
const IN_A_COMMIT = 50;
const READS_OF_EACH = 2_000;
const WORDS_OF_EACH = 18;
const VOCABULARY = 20_000;
const SYLLABLES = ["ka", "lo", "mi", "ter", "sen", "the", "ba", "ru", "ni", "po", "ja", "ve"];
const START_MS = Date.UTC(2026, 0, 1);
/** In everything, the newest first. */
const ANYTHING: Omit<SearchQuery, "userId" | "terms"> = {
  ...{ conversationId: null, senderId: null, sinceMs: null, untilMs: null },
  ...{ order: "newest", after: null, limit: 20, nowMs: START_MS },
};

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
  printHeading();
  await measureLists(storage.chat);
  await indexed(storage);
  await measureSearches(storage.search);
  await storage.close();
  console.log(`\nwith the index ${megabytes(path)} MB`);
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
      ...{ preferences: [], messageChanges: [], outbox: [] },
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
  const profile = { title: `Conversation ${at}`, picture: null, disappearAfterSeconds: null };
  return { id: idOf(at), kind: "group", createdMs: START_MS, ...profile, members };
}

function messageOf(at: number, seq: number): StoredMessage {
  const senderId = seq % 2 === 0 ? `a-${at}` : `b-${at}`;
  return {
    ...{ id: Bun.randomUUIDv7(), conversationId: idOf(at), seq, senderId, senderName: senderId },
    ...{ recipientId: null, clientMessageId: crypto.randomUUID(), type: "TEXT" },
    ...{
      content: textOf(at * MESSAGES_IN_EACH + seq),
      replyTo: null,
      attachments: null,
      event: null,
      edited: null,
      reactions: null,
    },
    ...{ editedMs: null, deletedMs: null, pinnedMs: null, replyCount: 0 },
    ...{ mentions: null, expiresMs: null },
    timestampMs: START_MS + ((at * 7_919) % CONVERSATIONS) * 1_000 + seq,
  };
}

/** Words as a language has them: the n-th most frequent one an n-th as often as the first. */
function textOf(message: number): string {
  let random = message * 2_654_435_761;
  const words = Array.from({ length: WORDS_OF_EACH }, () => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return wordAt(Math.floor(VOCABULARY ** (random / 2 ** 32)) - 1);
  });
  return words.join(" ");
}

/** By its frequency, from 0 on. */
function wordAt(rank: number): string {
  let word = "";
  for (let rest = rank + 1; rest > 0; rest = Math.floor(rest / SYLLABLES.length)) {
    word += SYLLABLES[(rest + word.length) % SYLLABLES.length];
  }
  return word;
}

/** The last message is found. */
async function indexed({ search }: Storage): Promise<void> {
  const startMs = performance.now();
  const words = textOf(CONVERSATIONS * MESSAGES_IN_EACH)
    .split(" ")
    .slice(0, 8)
    .join(" ");
  const last = { conversationId: idOf(CONVERSATIONS - 1), limit: 1 };
  const isFound = async () => {
    const { hits } = await search.search(queryOf("everywhere", `"${words}"`, last));
    return hits[0]?.message.seq === MESSAGES_IN_EACH;
  };
  while (!(await isFound())) await Bun.sleep(50);
  console.log(`\nindexed ${Math.round((performance.now() - startMs) / 1_000)} s later\n`);
}

function queryOf(userId: string, text: string, fields: Partial<SearchQuery> = {}): SearchQuery {
  const terms = parseTerms(text);
  if (terms === null) throw new Error("nothing is asked for");
  return { ...ANYTHING, userId, terms, ...fields };
}

async function measureSearches(search: MessageSearch): Promise<void> {
  const ask = (...asked: Parameters<typeof queryOf>) => search.search(queryOf(...asked));
  const common = (count: number) => wordAt(count % 20);
  const usual = (count: number) => wordAt(100 + ((count * 37) % 900));
  const rare = (count: number) => wordAt(5_000 + ((count * 37) % 15_000));
  const one = (count: number) => `a-${(count * 6_151) % CONVERSATIONS}`;
  const relevance = { order: "relevance" } as const;
  await time({
    "search, a common word, in 500": (count) => ask("regular", `"${common(count)}"`),
    "search, a usual word, in 500": (count) => ask("regular", `"${usual(count)}"`),
    "search, a rare word, in 500": (count) => ask("regular", `"${rare(count)}"`),
    "search, two words, in 500": (count) => ask("regular", `${usual(count)} "${common(count)}"`),
    "search, a beginning, in 500": (count) => ask("regular", usual(count).slice(0, 4)),
    "search, by relevance, in 500": (count) => ask("regular", `"${usual(count)}"`, relevance),
    "search, a usual word, in 10,000": (count) => ask("everywhere", `"${usual(count)}"`),
    "search, a rare word, in 10,000": (count) => ask("everywhere", `"${rare(count)}"`),
    "search, a usual word, in 1": (count) => ask(one(count), `"${usual(count)}"`),
    "search, a common word, in 1": (count) => ask(one(count), `"${common(count)}"`),
  });
}

async function measureLists(store: ChatStore): Promise<void> {
  const top = (userId: string): ListQuery => ({ userId, archived: false, after: null, limit: 50 });
  const middle = (await store.conversationsOf({ ...top("regular"), limit: 250 })).at(-1);
  if (middle === undefined) throw new Error("the list has no middle");
  const after = { pinnedMs: 0, activeMs: middle.activeMs, id: middle.id };
  const pick = (count: number) => idOf((count * 6_151) % CONVERSATIONS);
  const regular = (count: number) => idOf(((count * 61) % (CONVERSATIONS / 20)) * 20);
  await time({
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
  });
}

function printHeading(): void {
  console.log("read".padEnd(42), "p50 ms".padStart(9), "p99 ms".padStart(9));
}

async function time(reads: Record<string, (count: number) => unknown>): Promise<void> {
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
  const names = ["conversationList", "historyBefore", "historyAfter", "searchRows"] as const;
  for (const name of [...names, "searchCandidates"] as const) {
    console.log(`\n${name}`);
    const plan = db.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${READS[name]}`).all();
    for (const { detail } of plan) console.log(`  ${detail}`);
  }
}

function megabytes(path: string): number {
  return Math.round(statSync(path).size / 1e6);
}
