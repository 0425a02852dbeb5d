import type { Database } from "bun:sqlite";
import type { Invite, InviteStore } from "../chat/invites.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { Commits } from "./sqlite-commits.ts";
import { groupedWrites } from "./sqlite-grouped-writes.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** An invite, or the end of one, as it crosses to the writer. */
export type InviteWrite =
  | { readonly kind: "put"; readonly invite: Invite }
  | { readonly kind: "remove"; readonly code: string };

/** Invites in an SQLite database; read at once, over `reader`. */
export class SqliteInviteStore implements InviteStore {
  readonly #reads: ReturnType<typeof prepare>;
  readonly #writes: GroupedWrites<InviteWrite>;

  constructor(commits: Commits, reader: Database) {
    this.#reads = prepare(reader);
    this.#writes = groupedWrites(commits, "invites", (write) => this.#holds(write));
  }

  put(invite: Invite): Promise<void> {
    return this.#writes.add({ kind: "put", invite });
  }

  remove(code: string): Promise<void> {
    return this.#writes.add({ kind: "remove", code });
  }

  byCode(code: string): Invite | null {
    return answer(() => this.#reads.byCode.get(code));
  }

  ofConversation(conversationId: string): Invite[] {
    return answer(() => this.#reads.ofConversation.all(conversationId));
  }

  madeBy(creatorId: string, after: string | null, limit: number): Invite[] {
    return answer(() => this.#reads.madeBy.all(creatorId, after ?? "", Math.max(limit, 0)));
  }

  #holds(write: InviteWrite): boolean {
    if (write.kind === "remove") return this.byCode(write.code) === null;
    return this.byCode(write.invite.code) !== null;
  }
}

function prepare(db: Database) {
  return {
    byCode: db.query<Invite, [code: string]>(READS.invite),
    ofConversation: db.query<Invite, [conversationId: string]>(READS.invitesOf),
    madeBy: db.query<Invite, [creatorId: string, after: string, limit: number]>(READS.invitesBy),
  };
}
