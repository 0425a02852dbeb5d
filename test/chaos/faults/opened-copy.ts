import { Database } from "bun:sqlite";
import { openSqliteStorage } from "../../../src/storage/sqlite.ts";
import type { Conversation, History, SeenMessage } from "../checker/record.ts";
import { digestOf } from "../load/content.ts";

export interface OpenedCopy {
  readonly history: History;
  /** What is wrong with the database itself: a half batch, a broken page. */
  readonly failures: readonly string[];
}

/** Opens a copy of a database as a starting server would, and reads all of it. */
export async function openCopy(
  path: string,
  conversations: readonly Conversation[],
): Promise<OpenedCopy> {
  const failures: string[] = [];
  const history = new Map<string, readonly SeenMessage[]>();
  const storage = await openSqliteStorage({ path });
  try {
    for (const { id, memberIds } of conversations) {
      const stored = await storage.chat.conversation(id);
      const query = { conversationId: id, afterSeq: 0, limit: Number.MAX_SAFE_INTEGER };
      const messages = await storage.chat.history(query);
      history.set(id, messages.map(toSeen));
      const lastSeq = messages.at(-1)?.seq ?? 0;
      if ((stored?.lastSeq ?? 0) !== lastSeq) {
        failures.push(`${id} says that it ends at ${stored?.lastSeq}, and does at ${lastSeq}`);
      }
      const members = stored?.members ?? [];
      if (stored !== null && members.length !== memberIds.length) {
        failures.push(`${id} has ${members.length} members of ${memberIds.length}`);
      }
      for (const { userId, deliveredSeq, readSeq } of members) {
        if (Math.max(deliveredSeq, readSeq) <= lastSeq) continue;
        failures.push(`${userId} has received ${deliveredSeq} of ${lastSeq} in ${id}`);
      }
    }
  } finally {
    await storage.close();
  }
  failures.push(...integrityFailures(path));
  return { history, failures };
}

function toSeen(message: {
  readonly conversationId: string;
  readonly id: string;
  readonly seq: number;
  readonly senderId: string;
  readonly clientMessageId: string | null;
  readonly content: string;
}): SeenMessage {
  const { conversationId, id, seq, senderId, content } = message;
  const clientMessageId = message.clientMessageId ?? "";
  return { conversationId, id, seq, senderId, clientMessageId, digest: digestOf(content) };
}

function integrityFailures(path: string): string[] {
  using db = new Database(path, { readonly: true });
  const query = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check");
  const lines = query.all().map((row) => row.integrity_check);
  return lines.length === 1 && lines[0] === "ok" ? [] : lines;
}
