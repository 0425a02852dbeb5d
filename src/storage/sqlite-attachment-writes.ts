import type { Database } from "bun:sqlite";
import type { AttachmentWrite } from "./sqlite-attachment-store.ts";

/** Writes attachments, within a transaction of the caller's. */
export class AttachmentWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** In their order. */
  apply(writes: readonly AttachmentWrite[]): void {
    const { put } = this.#statements;
    for (const write of writes) {
      if (write.kind !== "put") {
        for (const id of write.ids) this.#statements[write.kind].run(id);
        continue;
      }
      const { id, uploaderId, messageId, name, type, size, ...rest } = write.attachment;
      const { width, height, hasThumbnail, createdMs, removeMs } = rest;
      put.run(
        ...([id, uploaderId, messageId, name, type, size] as const),
        ...([width, height, hasThumbnail ? 1 : 0, createdMs, removeMs] as const),
      );
    }
  }
}

function prepare(db: Database) {
  return {
    put: db.query<
      null,
      [
        id: string,
        uploaderId: string,
        messageId: string | null,
        name: string,
        type: string,
        size: number,
        width: number | null,
        height: number | null,
        hasThumbnail: 0 | 1,
        createdMs: number,
        removeMs: number | null,
      ]
    >(
      `INSERT INTO attachments (id, uploader_id, message_id, name, type, size, width, height,
                                has_thumbnail, created_ms, remove_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    ),
    discard: db.query<null, [id: string]>(
      "UPDATE attachments SET remove_ms = 0 WHERE id = ? AND message_id IS NULL",
    ),
    forget: db.query<null, [id: string]>("DELETE FROM attachments WHERE id = ? AND remove_ms = 0"),
  };
}
