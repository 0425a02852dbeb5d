import { searchVector, searchWordsOf } from "./postgres-search-words.ts";
import { fromPostgresJson, toPostgresJson } from "./postgres-text.ts";

/**
 * `count` is an integer; `flag` is 0 or 1 in SQLite and a boolean in PostgreSQL; `json` is a text of
 * JSON whose own texts are kept as PostgreSQL keeps texts; `bytes` are in rows as hexadecimal digits.
 */
type ColumnKind = "text" | "count" | "flag" | "json" | "bytes";

interface MovedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** What it is in SQLite. */
  readonly source: string;
}

/** What PostgreSQL keeps of a row besides, made of the row. */
interface DerivedColumn {
  readonly name: string;
  /** Of what `of` makes, in JSON. */
  readonly type: string;
  /** In SQL, what is kept of that. */
  readonly kept: string;
  readonly of: (row: MovedRow) => unknown;
}

/** By column, the same for both databases where the row is. */
export type MovedRow = Readonly<Record<string, string | number | null>>;
/** Of a row, the values of the table's key. */
export type RowKey = readonly (string | number)[];

/** A table that both databases have, and how its rows go from one to the other. */
export interface MovedTable {
  readonly name: string;
  /** The columns by which both databases keep it in order. */
  readonly key: readonly MovedColumn[];
  readonly columns: readonly MovedColumn[];
  readonly derived: readonly DerivedColumn[];
  /** Whether PostgreSQL numbers new rows by `position`. */
  readonly isNumbered: boolean;
}

type Columns = Readonly<Record<string, ColumnKind | readonly [kind: ColumnKind, source: string]>>;

function table(
  name: string,
  keyNames: readonly string[],
  columns: Columns,
  { derived = [], isNumbered = false }: Partial<Pick<MovedTable, "derived" | "isNumbered">> = {},
): MovedTable {
  const all = Object.entries(columns).map(([column, how]): MovedColumn => {
    if (typeof how === "string") return { name: column, kind: how, source: `"${column}"` };
    const [kind, source] = how;
    return { name: column, kind, source };
  });
  const key = all.filter((column) => keyNames.includes(column.name));
  return { name, key, columns: all, derived, isNumbered };
}

/**
 * Every table but those that are made of others: `mentions` by PostgreSQL's own triggers, the words of
 * search with each message. Positions are kept, since they are the order in which things were written,
 * and places in it are kept elsewhere.
 */
export const MOVED_TABLES: readonly MovedTable[] = [
  table("conversations", ["id"], {
    ...{ id: "text", kind: "text", created_ms: "count", last_seq: "count" },
    ...{ last_message_ms: "count", title: "text", picture: "text" },
    ...{ disappear_after_seconds: "count" },
  }),
  table("members", ["conversation_id", "user_id"], {
    ...{ conversation_id: "text", user_id: "text", position: "count", joined_seq: "count" },
    ...{ delivered_seq: "count", read_seq: "count", sent_seq: "count", role: "text" },
    ...{ muted_until_ms: "count", archived_ms: "count", pinned_ms: "count" },
  }),
  table(
    "messages",
    ["position"],
    {
      position: ["count", "rowid"],
      ...{ id: "text", conversation_id: "text", seq: "count", sender_id: "text" },
      ...{ timestamp_ms: "count", client_message_id: "text", sender_name: "text" },
      ...{ recipient_id: "text", type: "text", reply_to: "text", content: "text", event: "text" },
      ...{ edited_ms: "count", deleted_ms: "count", pinned_ms: "count", expires_ms: "count" },
      ...{ mentions: "text", attachments: "text" },
    },
    {
      derived: [
        {
          ...{ name: "mentioned", type: "text[]", kept: "mentioned" },
          of: ({ mentions }) => (typeof mentions === "string" ? JSON.parse(mentions) : null),
        },
        {
          ...{ name: "words", type: "text[]", kept: searchVector("words") },
          of: ({ content, event }) => (event === null ? searchWordsOf(`${content}`) : null),
        },
      ],
      isNumbered: true,
    },
  ),
  table("removed_messages", ["sender_id", "client_message_id"], {
    ...{ sender_id: "text", client_message_id: "text", id: "text", conversation_id: "text" },
    ...{ seq: "count", recipient_id: "text" },
  }),
  table("message_versions", ["message_id", "version"], {
    ...{ message_id: "text", version: "count", content: "text", replaced_ms: "count" },
  }),
  table("reactions", ["message_id", "user_id"], {
    ...{ message_id: "text", user_id: "text", emoji: "text", reacted_ms: "count" },
  }),
  table("users", ["user_id"], {
    ...{ user_id: "text", name: "text", last_seen_ms: "count", profile_name: "text" },
    ...{ picture: "text" },
  }),
  table(
    "blocks",
    ["blocker_id", "blocked_id"],
    {
      ...{ blocker_id: "text", blocked_id: "text", position: "count" },
    },
    { isNumbered: true },
  ),
  table("invites", ["code"], {
    ...{ code: "text", conversation_id: "text", creator_id: "text", created_ms: "count" },
    ...{ expires_ms: "count" },
  }),
  table("attachments", ["id"], {
    ...{ id: "text", uploader_id: "text", message_id: "text", name: "text", type: "text" },
    ...{ size: "count", width: "count", height: "count", has_thumbnail: "flag" },
    ...{ created_ms: "count", remove_ms: "count" },
  }),
  table("revocations", ["kind", "subject"], {
    ...{ kind: "text", subject: "text", revoked_ms: "count", forget_ms: "count" },
  }),
  table(
    "queue_messages",
    ["position"],
    {
      ...{ position: "count", id: "text", queue: "text", headers: "json", expires_ms: "count" },
      deliveries: "count",
      body_text: ["text", "iif(typeof(body) = 'text', body, NULL)"],
      body_bytes: ["bytes", "iif(typeof(body) = 'blob', lower(hex(body)), NULL)"],
    },
    { isNumbered: true },
  ),
  table("erasures", ["user_id"], {
    ...{ user_id: "text", requested_ms: "count", keeps_messages: "flag", done_ms: "count" },
    ...{ erased_messages: "count", stage: "count", stage_after: "text" },
  }),
  table("erasures_untold", ["user_id", "conversation_id"], {
    ...{ user_id: "text", conversation_id: "text" },
  }),
  table("outbox", ["position"], { position: "count", message_id: "text" }, { isNumbered: true }),
  table("notice_targets", ["id"], {
    ...{ id: "text", user_id: "text", channel: "text", address: "text", keys: "text" },
    created_ms: "count",
  }),
  table("notice_preferences", ["user_id"], { user_id: "text", preferences: "text" }),
  table("notices", ["target_id", "conversation_id"], {
    ...{ target_id: "text", conversation_id: "text", channel: "text", last_seq: "count" },
    ...{ due_ms: "count", attempts: "count", created_ms: "count", next_ms: "count" },
  }),
  table(
    "webhook_events",
    ["position"],
    {
      ...{ position: "count", id: "text", type: "text", lane: "text", created_ms: "count" },
      ...{ data: "text", message_id: "text", attempts: "count", due_ms: "count" },
    },
    { isNumbered: true },
  ),
  table("dead_letters", ["id"], {
    ...{ id: "text", channel: "text", user_id: "text", target_id: "text" },
    ...{ conversation_id: "text", seq: "count", event_id: "text", event_type: "text" },
    ...{ lane: "text", data: "text", message_id: "text", created_ms: "count" },
    ...{ attempts: "count", reason: "text", died_ms: "count" },
  }),
];

/** Made in both databases by triggers: it is not moved, but what it holds must be the same. */
export const MENTIONS: MovedTable = table("mentions", ["conversation_id", "user_id", "seq"], {
  ...{ conversation_id: "text", user_id: "text", seq: "count" },
});

export function keyOf({ key }: MovedTable, row: MovedRow): RowKey {
  return key.map(({ name }) => row[name] ?? "");
}

/** As PostgreSQL gives it back: its texts are well-formed, those within JSON too. */
export function asKept({ columns }: MovedTable, row: MovedRow): MovedRow {
  const json = columns.filter(({ kind }) => kind === "json");
  if (json.length === 0) return row;
  const kept = json.map(({ name }) => [name, JSON.stringify(wellFormed(`${row[name]}`))]);
  return { ...row, ...Object.fromEntries(kept) };
}

function wellFormed(json: string): unknown {
  return JSON.parse(json, (_, part) => (typeof part === "string" ? part.toWellFormed() : part));
}

/** For `insertion`. */
export function toTarget({ columns, derived }: MovedTable, row: MovedRow): object {
  const values = columns.map(({ name, kind }) => {
    const value = row[name] ?? null;
    if (kind === "flag") return [name, value === 1];
    return [name, kind === "json" ? toPostgresJson(JSON.parse(`${value}`)) : value];
  });
  const more = derived.map(({ name, of }) => [name, of(row)]);
  return Object.fromEntries([...values, ...more]);
}

/** Of a row that `targetPage` gave. */
export function fromTarget({ columns }: MovedTable, row: MovedRow): MovedRow {
  const json = columns.filter(({ kind }) => kind === "json");
  if (json.length === 0) return row;
  const read = json.map(({ name }) => [name, JSON.stringify(fromPostgresJson(`${row[name]}`))]);
  return { ...row, ...Object.fromEntries(read) };
}

/** In SQLite, rows in the order of their keys: from the first one, or behind a key. */
export function sourcePage({ name, key, columns }: MovedTable, isFirst: boolean): string {
  const keys = key.map(({ source }) => source).join(", ");
  const selected = columns.map((column) => `${column.source} AS "${column.name}"`);
  const behind = isFirst ? "" : `WHERE (${keys}) > (${key.map(() => "?").join(", ")})`;
  return `SELECT ${selected.join(", ")} FROM "${name}" ${behind} ORDER BY ${keys} LIMIT ?`;
}

/** The same in PostgreSQL. */
export function targetPage({ name, key, columns }: MovedTable, isFirst: boolean): string {
  const keys = key.map((column) => `"${name}"."${column.name}"`).join(", ");
  const after = key.map(({ kind }, at) => `$${at + 1}::${kind === "count" ? "bigint" : "text"}`);
  const behind = isFirst ? "" : `WHERE (${keys}) > (${after.join(", ")})`;
  const limit = `$${isFirst ? 1 : key.length + 1}::bigint`;
  const selected = columns.map((column) => `${given(column)} AS "${column.name}"`);
  return `SELECT ${selected.join(", ")} FROM "${name}" ${behind} ORDER BY ${keys} LIMIT ${limit}`;
}

function given({ name, kind }: MovedColumn): string {
  switch (kind) {
    case "count":
      return `"${name}"::float8`;
    case "flag":
      return `"${name}"::integer`;
    case "bytes":
      return `encode("${name}", 'hex')`;
    default:
      return `"${name}"`;
  }
}

/**
 * In PostgreSQL, of rows that are given as JSON. COPY would take the server half the time for them,
 * which is less than a tenth of all that a move takes.
 */
export function insertion({ name, columns, derived }: MovedTable): string {
  const names = [...columns, ...derived].map((column) => `"${column.name}"`).join(", ");
  const kept = [
    ...columns.map((column) =>
      column.kind === "bytes" ? `decode("${column.name}", 'hex')` : `"${column.name}"`,
    ),
    ...derived.map((column) => column.kept),
  ];
  const types = { text: "text", json: "text", bytes: "text", count: "bigint", flag: "boolean" };
  const typed = [
    ...columns.map((column) => `"${column.name}" ${types[column.kind]}`),
    ...derived.map((column) => `"${column.name}" ${column.type}`),
  ];
  return `
    INSERT INTO "${name}" (${names}) OVERRIDING SYSTEM VALUE
    SELECT ${kept.join(", ")}
    FROM json_to_recordset($1::text::json) AS given (${typed.join(", ")})`;
}
