import type { Database } from "bun:sqlite";
import type { Attachment, AttachmentStore } from "../chat/attachments.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { Commits } from "./sqlite-commits.ts";
import { groupedWrites } from "./sqlite-grouped-writes.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** What happens to attachments beside messages, as it crosses to the writer. */
export type AttachmentWrite =
  | { readonly kind: "put"; readonly attachment: Attachment }
  | { readonly kind: "discard" | "forget"; readonly ids: readonly string[] };

export interface AttachmentRow extends Omit<Attachment, "hasThumbnail"> {
  readonly hasThumbnail: 0 | 1;
}

/** Attachments in an SQLite database; read at once, over `reader`. */
export class SqliteAttachmentStore implements AttachmentStore {
  readonly #reads: ReturnType<typeof prepare>;
  readonly #writes: GroupedWrites<AttachmentWrite>;

  constructor(commits: Commits, reader: Database) {
    this.#reads = prepare(reader);
    this.#writes = groupedWrites(commits, "attachments", (write) => this.#holds(write));
  }

  put(attachment: Attachment): Promise<void> {
    return this.#writes.add({ kind: "put", attachment });
  }

  discard(ids: readonly string[]): Promise<void> {
    return this.#writes.add({ kind: "discard", ids });
  }

  forget(ids: readonly string[]): Promise<void> {
    return this.#writes.add({ kind: "forget", ids });
  }

  byIds(ids: readonly string[]): Attachment[] {
    return answer(() => this.#reads.byIds.all(JSON.stringify(ids)).map(attachmentOf));
  }

  bytesOf(uploaderId: string): number {
    return answer(() => this.#reads.bytes.get(uploaderId)?.bytes ?? 0);
  }

  unsentOf(uploaderId: string, after: string | null, limit: number): Attachment[] {
    const rows = answer(() => {
      return this.#reads.unsent.all(uploaderId, after ?? "", Math.max(limit, 0));
    });
    return rows.map(attachmentOf);
  }

  due(nowMs: number, limit: number): Attachment[] {
    return answer(() => this.#reads.due.all(nowMs, Math.max(limit, 0)).map(attachmentOf));
  }

  #holds(write: AttachmentWrite): boolean {
    if (write.kind === "put") return this.byIds([write.attachment.id]).length === 1;
    const left = this.byIds(write.ids);
    if (write.kind === "forget") return left.every(({ removeMs }) => removeMs !== 0);
    return left.every(({ messageId, removeMs }) => messageId !== null || removeMs === 0);
  }
}

function attachmentOf(row: AttachmentRow): Attachment {
  return { ...row, hasThumbnail: row.hasThumbnail === 1 };
}

function prepare(db: Database) {
  return {
    byIds: db.query<AttachmentRow, [idsJson: string]>(READS.attachments),
    bytes: db.query<{ bytes: number }, [uploaderId: string]>(READS.attachmentBytes),
    unsent: db.query<AttachmentRow, [uploaderId: string, after: string, limit: number]>(
      READS.attachmentsUnsent,
    ),
    due: db.query<AttachmentRow, [nowMs: number, limit: number]>(READS.attachmentsDue),
  };
}
