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
import { PREFERENCES } from "./postgres-chat-reads.ts";
import type { Parameter, PostgresDatabase, Query } from "./postgres-database.ts";
import { anyGiven, given } from "./postgres-given.ts";
import { MESSAGE, messageOf } from "./postgres-message-columns.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";
import { type Sharing, sharingWithin } from "./sharing.ts";

interface ProfilePut extends Partial<UserProfile> {
  readonly userId: string;
}

type MessageRow = StoredMessage & { readonly position: number };

/** Before the messages with a client's id, before those without, and within each of them. */
const WITH_ID = "c";
const WITHOUT_ID = "n";

/** A user of whom only the profile is there has neither been seen nor named. */
const KNOWN_USER = `
  user_id AS "userId",
  profile_name AS name,
  picture,
  nullif(name, '') AS "authenticatedName",
  nullif(last_seen_ms, 0)::float8 AS "lastSeenMs"`;

export const USER_READS = {
  profileName: "SELECT profile_name AS name FROM users WHERE user_id = $1",

  known: `SELECT ${KNOWN_USER} FROM users WHERE user_id = ${anyGiven("$1")}`,

  list: `SELECT ${KNOWN_USER} FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2::bigint`,

  // Of either no more than $3 are looked at: of two users who are both in more, what they share may
  // stay unknown.
  sharing: `
    WITH
      own AS MATERIALIZED (
        SELECT count(*) AS conversations
        FROM (SELECT 1 FROM members WHERE user_id = $1 LIMIT $3::bigint + 1) AS ours
      ),
      wanted AS MATERIALIZED (
        SELECT value AS user_id, (
          SELECT count(*) FROM (
            SELECT 1 FROM members WHERE user_id = value LIMIT $3::bigint + 1
          ) AS theirs
        ) AS conversations
        FROM (SELECT DISTINCT value FROM (${given("$2")}) AS all_wanted) AS each
      )
    SELECT
      wanted.user_id AS "userId",
      CASE WHEN wanted.conversations <= own.conversations THEN EXISTS (
        SELECT 1
        FROM (
          SELECT conversation_id FROM members WHERE user_id = wanted.user_id LIMIT $3::bigint
        ) AS theirs
        JOIN members ON members.conversation_id = theirs.conversation_id AND members.user_id = $1
      ) ELSE EXISTS (
        SELECT 1
        FROM (SELECT conversation_id FROM members WHERE user_id = $1 LIMIT $3::bigint) AS ours
        JOIN members
          ON members.conversation_id = ours.conversation_id AND members.user_id = wanted.user_id
      ) END AS "isSharing",
      least(wanted.conversations, own.conversations) <= $3::bigint AS "isSure"
    FROM own CROSS JOIN wanted`,

  memberships: `
    SELECT members.conversation_id AS "conversationId", conversations.kind, conversations.title,
           members.role, members.joined_seq::float8 AS "joinedSeq",
           members.delivered_seq::float8 AS "deliveredSeq", members.read_seq::float8 AS "readSeq",
           ${PREFERENCES}
    FROM members
    JOIN conversations ON conversations.id = members.conversation_id
    WHERE members.user_id = $1 AND members.conversation_id > $2
    ORDER BY members.conversation_id LIMIT $3::bigint`,

  messagesWithClientId: `
    SELECT ${MESSAGE} FROM messages
    WHERE sender_id = $1 AND client_message_id > $2
    ORDER BY client_message_id LIMIT $3::bigint`,

  messagesWithoutClientId: `
    SELECT messages.position::float8 AS position, ${MESSAGE} FROM messages
    WHERE sender_id = $1 AND client_message_id IS NULL AND messages.position > $2::bigint
    ORDER BY messages.position LIMIT $3::bigint`,

  reactions: `
    SELECT reactions.message_id AS "messageId", messages.conversation_id AS "conversationId",
           reactions.emoji, reactions.reacted_ms::float8 AS "reactedMs"
    FROM reactions
    JOIN messages ON messages.id = reactions.message_id
    WHERE reactions.user_id = $1 AND reactions.message_id > $2
    ORDER BY reactions.message_id LIMIT $3::bigint`,
} as const;

const USER_WRITES = {
  know: `
    INSERT INTO users (user_id, name, last_seen_ms) VALUES ($1, '', 0)
    ON CONFLICT (user_id) DO NOTHING`,
  setName: "UPDATE users SET profile_name = $2::text WHERE user_id = $1",
  setPicture: "UPDATE users SET picture = $2::text WHERE user_id = $1",
} as const;

/** Users in PostgreSQL. */
export class PostgresUserStore implements UserStore, UserDataStore {
  readonly #db: PostgresDatabase;
  readonly #writes: GroupedWrites<ProfilePut>;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes.grouped((query, profiles) =>
      Promise.all(profiles.flatMap((profile) => put(query, profile))),
    );
  }

  putProfile(userId: string, change: Partial<UserProfile>): Promise<void> {
    return this.#writes.add({ userId, ...change });
  }

  async nameOf(userId: string): Promise<string | null> {
    const [user] = await this.#read<{ name: string | null }>(USER_READS.profileName, [userId]);
    return user?.name ?? null;
  }

  known(userIds: readonly string[]): Promise<KnownUser[]> {
    return this.#read(USER_READS.known, [toPostgresJson(userIds)]);
  }

  list(after: string | null, limit: number): Promise<KnownUser[]> {
    return this.#read(USER_READS.list, [after ?? "", Math.max(limit, 0)]);
  }

  sharing(userId: string, otherIds: readonly string[]): MaybePromise<string[]> {
    return sharingWithin(otherIds, (ids, most) =>
      this.#read<Sharing>(USER_READS.sharing, [userId, toPostgresJson(ids), most]),
    );
  }

  membershipsOf(userId: string, after: string | null, limit: number): Promise<StoredMembership[]> {
    return this.#read(USER_READS.memberships, [userId, after ?? "", Math.max(limit, 0)]);
  }

  async messagesOf(userId: string, from: string | null, limit: number): Promise<MessagePage> {
    const stage = from?.[0] ?? WITH_ID;
    const after = from?.slice(1) ?? "";
    if (stage === WITH_ID) {
      const parameters = [userId, after, limit];
      const rows = await this.#read<StoredMessage>(USER_READS.messagesWithClientId, parameters);
      const last = rows.length < limit ? undefined : rows.at(-1);
      return {
        messages: rows.map(messageOf),
        next: last === undefined ? `${WITHOUT_ID}0` : WITH_ID + last.clientMessageId,
      };
    }
    const parameters = [userId, Number(after), limit];
    const rows = await this.#read<MessageRow>(USER_READS.messagesWithoutClientId, parameters);
    const last = rows.length < limit ? undefined : rows.at(-1);
    return {
      messages: rows.map(({ position: _, ...message }) => messageOf(message)),
      next: last === undefined ? null : WITHOUT_ID + last.position,
    };
  }

  reactionsOf(userId: string, after: string | null, limit: number): Promise<StoredReaction[]> {
    return this.#read(USER_READS.reactions, [userId, after ?? "", Math.max(limit, 0)]);
  }

  #read<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    return answered(this.#db.read<Row>(sql, parameters));
  }
}

function put(query: Query, { userId, name, picture }: ProfilePut): Promise<unknown>[] {
  const asked = [query(USER_WRITES.know, [userId])];
  if (name !== undefined) asked.push(query(USER_WRITES.setName, [userId, name]));
  if (picture !== undefined) asked.push(query(USER_WRITES.setPicture, [userId, picture]));
  return asked;
}
