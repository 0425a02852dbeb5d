import { join } from "node:path";
import { openSqliteStorage } from "../../../src/storage/sqlite.ts";
import { batch, conversation } from "../../support/stored.ts";
import type { Conversation } from "../checker/record.ts";

/** As a server without `chat.system_messages` keeps them: all that is in them is said by the load. */
export async function openGroups(dataDir: string, groups: readonly Conversation[]): Promise<void> {
  const storage = await openSqliteStorage({ path: join(dataDir, "parley.db") });
  const conversations = groups.map(({ id, memberIds }) => ({
    ...conversation(id, memberIds),
    ...{ kind: "group" as const, createdMs: Date.now() },
  }));
  await storage.chat.commit(batch({ conversations }));
  await storage.close();
}
