import { openPostgresStorage } from "../../../src/storage/postgres.ts";
import { openSqliteStorage } from "../../../src/storage/sqlite.ts";
import { batch, conversation } from "../../support/stored.ts";
import type { Conversation } from "../checker/record.ts";

/**
 * As a server without `chat.system_messages` keeps them: all that is in them is said by the load. In
 * a database of either kind.
 */
export async function openGroups(url: string, groups: readonly Conversation[]): Promise<void> {
  const storage = url.startsWith("postgres:")
    ? await openPostgresStorage({ url })
    : await openSqliteStorage({ path: url.slice("sqlite:".length) });
  const conversations = groups.map(({ id, memberIds }) => ({
    ...conversation(id, memberIds),
    ...{ kind: "group" as const, createdMs: Date.now() },
  }));
  await storage.chat.commit(batch({ conversations }));
  await storage.close();
}
