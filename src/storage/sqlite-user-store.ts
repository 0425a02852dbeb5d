import type { Database } from "bun:sqlite";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type {
  KnownUser,
  MessagePage,
  StoredMembership,
  StoredReaction,
  UserDataStore,
  UserProfile,
  UserStore,
} from "../chat/user-ports.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import { sharingWithin } from "./sharing.ts";
import type { Commits } from "./sqlite-commits.ts";
import { groupedWrites } from "./sqlite-grouped-writes.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** A change of a profile as it crosses to the writer. */
export interface ProfilePut extends Partial<UserProfile> {
  readonly userId: string;
}

type MessageRow = StoredMessage & { readonly rowid: number };

interface SharingRow {
  readonly userId: string;
  readonly isSharing: number;
  readonly isSure: number;
}

/** Before the messages with a client's id, before those without, and within each of them. */
const WITH_ID = "c";
const WITHOUT_ID = "n";

/** Users in an SQLite database; read at once, over `reader`. */
export class SqliteUserStore implements UserStore, UserDataStore {
  readonly #reads: ReturnType<typeof prepare>;
  readonly #writes: GroupedWrites<ProfilePut>;

  constructor(commits: Commits, reader: Database) {
    this.#reads = prepare(reader);
    this.#writes = groupedWrites(commits, "users", (write) => this.#holds(write));
  }

  putProfile(userId: string, change: Partial<UserProfile>): Promise<void> {
    return this.#writes.add({ userId, ...change });
  }

  nameOf(userId: string): string | null {
    return answer(() => this.#reads.profileName.get(userId)?.name ?? null);
  }

  known(userIds: readonly string[]): KnownUser[] {
    return answer(() => this.#reads.known.all(asJson(userIds)));
  }

  list(after: string | null, limit: number): KnownUser[] {
    return answer(() => this.#reads.list.all(after ?? "", Math.max(limit, 0)));
  }

  sharing(userId: string, otherIds: readonly string[]): MaybePromise<string[]> {
    return sharingWithin(otherIds, (ids, most) =>
      answer(() => this.#reads.sharing.all({ userId, idsJson: asJson(ids), most })).map((row) => ({
        userId: row.userId,
        isSharing: row.isSharing === 1,
        isSure: row.isSure === 1,
      })),
    );
  }

  membershipsOf(userId: string, after: string | null, limit: number): StoredMembership[] {
    return answer(() => this.#reads.memberships.all(userId, after ?? "", Math.max(limit, 0)));
  }

  messagesOf(userId: string, from: string | null, limit: number): MessagePage {
    const stage = from?.[0] ?? WITH_ID;
    const after = from?.slice(1) ?? "";
    if (stage === WITH_ID) {
      const messages = answer(() => this.#reads.withClientId.all(userId, after, limit));
      const last = messages.length < limit ? undefined : messages.at(-1);
      return {
        messages,
        next: last === undefined ? `${WITHOUT_ID}0` : WITH_ID + last.clientMessageId,
      };
    }
    const rows = answer(() => this.#reads.withoutClientId.all(userId, Number(after), limit));
    const last = rows.length < limit ? undefined : rows.at(-1);
    const messages = rows.map(({ rowid: _, ...message }) => message);
    return { messages, next: last === undefined ? null : WITHOUT_ID + last.rowid };
  }

  reactionsOf(userId: string, after: string | null, limit: number): StoredReaction[] {
    return answer(() => this.#reads.reactions.all(userId, after ?? "", Math.max(limit, 0)));
  }

  #holds({ userId, name, picture }: ProfilePut): boolean {
    const [user] = this.known([userId]);
    if (user === undefined) return false;
    return (
      (name === undefined || user.name === name) &&
      (picture === undefined || user.picture === picture)
    );
  }
}

/** Well-formed, as a string is when it is bound by itself. */
function asJson(userIds: readonly string[]): string {
  return JSON.stringify(userIds.map((userId) => userId.toWellFormed()));
}

function prepare(db: Database) {
  return {
    profileName: db.query<{ name: string | null }, [userId: string]>(READS.profileName),
    known: db.query<KnownUser, [idsJson: string]>(READS.knownUsers),
    list: db.query<KnownUser, [after: string, limit: number]>(READS.userList),
    sharing: db.query<SharingRow, [{ userId: string; idsJson: string; most: number }]>(
      READS.sharing,
    ),
    memberships: db.query<StoredMembership, [userId: string, after: string, limit: number]>(
      READS.membershipsOf,
    ),
    withClientId: db.query<StoredMessage, [userId: string, after: string, limit: number]>(
      READS.messagesWithClientId,
    ),
    withoutClientId: db.query<MessageRow, [userId: string, afterRow: number, limit: number]>(
      READS.messagesWithoutClientId,
    ),
    reactions: db.query<StoredReaction, [userId: string, after: string, limit: number]>(
      READS.reactionsOf,
    ),
  };
}
