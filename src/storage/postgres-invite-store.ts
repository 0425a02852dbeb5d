import type { Invite, InviteStore } from "../chat/invites.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { Parameter, PostgresDatabase, Query } from "./postgres-database.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

type InviteWrite =
  | { readonly kind: "put"; readonly invite: Invite }
  | { readonly kind: "remove"; readonly code: string };

const INVITE = `
  code,
  conversation_id AS "conversationId",
  creator_id AS "creatorId",
  created_ms::float8 AS "createdMs",
  expires_ms::float8 AS "expiresMs"`;

export const INVITE_READS = {
  byCode: `SELECT ${INVITE} FROM invites WHERE code = $1`,
  ofConversation: `SELECT ${INVITE} FROM invites WHERE conversation_id = $1 ORDER BY created_ms, code`,
  madeBy: `
    SELECT ${INVITE} FROM invites WHERE creator_id = $1 AND code > $2
    ORDER BY code LIMIT $3::bigint`,
} as const;

const INVITE_WRITES = {
  put: `
    INSERT INTO invites (code, conversation_id, creator_id, created_ms, expires_ms)
    VALUES ($1, $2, $3, $4::bigint, $5::bigint)
    ON CONFLICT (code) DO NOTHING`,
  remove: "DELETE FROM invites WHERE code = $1",
} as const;

/** Links into groups, in PostgreSQL. */
export class PostgresInviteStore implements InviteStore {
  readonly #db: PostgresDatabase;
  readonly #writes: GroupedWrites<InviteWrite>;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes.grouped((query, invites) =>
      Promise.all(invites.map((write) => apply(query, write))),
    );
  }

  put(invite: Invite): Promise<void> {
    return this.#writes.add({ kind: "put", invite });
  }

  remove(code: string): Promise<void> {
    return this.#writes.add({ kind: "remove", code });
  }

  async byCode(code: string): Promise<Invite | null> {
    const [invite] = await this.#read(INVITE_READS.byCode, [code]);
    return invite ?? null;
  }

  ofConversation(conversationId: string): Promise<Invite[]> {
    return this.#read(INVITE_READS.ofConversation, [conversationId]);
  }

  madeBy(creatorId: string, after: string | null, limit: number): Promise<Invite[]> {
    return this.#read(INVITE_READS.madeBy, [creatorId, after ?? "", Math.max(limit, 0)]);
  }

  #read(sql: string, parameters: readonly Parameter[]): Promise<Invite[]> {
    return answered(this.#db.read<Invite>(sql, parameters));
  }
}

function apply(query: Query, write: InviteWrite): Promise<unknown> {
  if (write.kind === "remove") return query(INVITE_WRITES.remove, [write.code]);
  const { code, conversationId, creatorId, createdMs, expiresMs } = write.invite;
  return query(INVITE_WRITES.put, [code, conversationId, creatorId, createdMs, expiresMs]);
}
