import type { Attachment, AttachmentStore } from "../chat/attachments.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { PostgresDatabase, Query } from "./postgres-database.ts";
import { anyGiven } from "./postgres-given.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

type AttachmentWrite =
  | { readonly kind: "put"; readonly attachment: Attachment }
  | { readonly kind: "discard" | "forget"; readonly ids: readonly string[] };

const ATTACHMENT = `
  id,
  uploader_id AS "uploaderId",
  message_id AS "messageId",
  name,
  type,
  size::float8 AS size,
  width::float8 AS width,
  height::float8 AS height,
  has_thumbnail AS "hasThumbnail",
  created_ms::float8 AS "createdMs",
  remove_ms::float8 AS "removeMs"`;

export const ATTACHMENTS_BY_ID = `SELECT ${ATTACHMENT} FROM attachments WHERE id = ${anyGiven("$1")}`;

export const ATTACHMENT_READS = {
  byIds: ATTACHMENTS_BY_ID,

  bytes: "SELECT coalesce(sum(size), 0)::float8 AS bytes FROM attachments WHERE uploader_id = $1",

  unsent: `
    SELECT ${ATTACHMENT} FROM attachments
    WHERE uploader_id = $1 AND message_id IS NULL AND id > $2 AND remove_ms IS DISTINCT FROM 0
    ORDER BY id LIMIT $3::bigint`,

  due: `
    SELECT ${ATTACHMENT} FROM attachments WHERE remove_ms <= $1::bigint
    ORDER BY remove_ms LIMIT $2::bigint`,
} as const;

const ATTACHMENT_WRITES = {
  put: `
    INSERT INTO attachments (id, uploader_id, message_id, name, type, size, width, height,
                             has_thumbnail, created_ms, remove_ms)
    SELECT * FROM json_to_recordset($1::text::json) AS given
      (id text, "uploaderId" text, "messageId" text, name text, type text, size bigint,
       width bigint, height bigint, "hasThumbnail" boolean, "createdMs" bigint, "removeMs" bigint)
    ON CONFLICT (id) DO NOTHING`,
  discard: `
    UPDATE attachments SET remove_ms = 0
    WHERE id = ${anyGiven("$1")} AND message_id IS NULL`,
  forget: `DELETE FROM attachments WHERE id = ${anyGiven("$1")} AND remove_ms = 0`,
} as const;

/** What is known of attachments, in PostgreSQL. */
export class PostgresAttachmentStore implements AttachmentStore {
  readonly #db: PostgresDatabase;
  readonly #writes: GroupedWrites<AttachmentWrite>;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes.grouped(apply);
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

  byIds(ids: readonly string[]): Promise<Attachment[]> {
    return answered(this.#db.read(ATTACHMENT_READS.byIds, [toPostgresJson(ids)]));
  }

  async bytesOf(uploaderId: string): Promise<number> {
    const [sum] = await answered(
      this.#db.read<{ bytes: number }>(ATTACHMENT_READS.bytes, [uploaderId]),
    );
    return sum?.bytes ?? 0;
  }

  unsentOf(uploaderId: string, after: string | null, limit: number): Promise<Attachment[]> {
    const page = [uploaderId, after ?? "", Math.max(limit, 0)];
    return answered(this.#db.read(ATTACHMENT_READS.unsent, page));
  }

  due(nowMs: number, limit: number): Promise<Attachment[]> {
    return answered(this.#db.read(ATTACHMENT_READS.due, [nowMs, Math.max(limit, 0)]));
  }
}

/** In their order. */
async function apply(query: Query, writes: readonly AttachmentWrite[]): Promise<void> {
  await Promise.all(
    writes.map((write) =>
      write.kind === "put"
        ? query(ATTACHMENT_WRITES.put, [toPostgresJson([write.attachment])])
        : query(ATTACHMENT_WRITES[write.kind], [toPostgresJson(write.ids)]),
    ),
  );
}
