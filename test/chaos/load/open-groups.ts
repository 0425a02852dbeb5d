import { join } from "node:path";
import { openSqliteStorage } from "../../../src/storage/sqlite.ts";
import type { Conversation } from "../checker/record.ts";

/** Groups cannot be opened over the wire: they are written before the server starts. */
export async function openGroups(dataDir: string, groups: readonly Conversation[]): Promise<void> {
  const storage = await openSqliteStorage({ path: join(dataDir, "parley.db") });
  await storage.chat.commit({
    conversations: groups.map(({ id, memberIds }) => ({
      ...{ id, kind: "group", createdMs: Date.now(), memberIds },
    })),
    ...{ messages: [], watermarks: [], users: [], removedMembers: [], addedMembers: [] },
  });
  await storage.close();
}
