import type { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";

/**
 * The steps from an empty database to today's, one version each. A step that was released is never
 * changed: what must be different becomes a step of its own at the end.
 */
export const MIGRATIONS: readonly string[] = [
  // `messages` keeps its rowid: rows may be long, and a rowid table's tree holds them at its leaves.
  // `last_seq` and `last_message_ms` repeat the newest message, so that lists and backlogs of users
  // with many conversations need not look at messages.
  `CREATE TABLE conversations (
     id TEXT NOT NULL PRIMARY KEY,
     kind TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     last_seq INTEGER NOT NULL DEFAULT 0,
     last_message_ms INTEGER
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE members (
     conversation_id TEXT NOT NULL REFERENCES conversations (id),
     user_id TEXT NOT NULL,
     position INTEGER NOT NULL,
     delivered_seq INTEGER NOT NULL DEFAULT 0,
     read_seq INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (conversation_id, user_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX members_by_user ON members (user_id);

   CREATE TABLE messages (
     id TEXT NOT NULL UNIQUE,
     conversation_id TEXT NOT NULL REFERENCES conversations (id),
     seq INTEGER NOT NULL,
     sender_id TEXT NOT NULL,
     timestamp_ms INTEGER NOT NULL,
     client_message_id TEXT,
     sender_name TEXT NOT NULL,
     recipient_id TEXT,
     type TEXT NOT NULL,
     reply_to TEXT,
     content TEXT NOT NULL,
     UNIQUE (conversation_id, seq)
   ) STRICT;
   CREATE UNIQUE INDEX messages_by_client_id ON messages (sender_id, client_message_id)
     WHERE client_message_id IS NOT NULL;

   CREATE TABLE users (
     user_id TEXT NOT NULL PRIMARY KEY,
     name TEXT NOT NULL,
     last_seen_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,

  // Without AUTOINCREMENT a new row's position is the highest that is there, and one: behind all
  // others, which is all that their order needs, also where the highest ones were removed.
  // A body is TEXT or BLOB, as its sender gave it.
  `CREATE TABLE queue_messages (
     position INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     queue TEXT NOT NULL,
     headers TEXT NOT NULL,
     expires_ms INTEGER,
     deliveries INTEGER NOT NULL,
     body ANY NOT NULL
   ) STRICT;`,

  // What a sender's own ids of removed messages stood for, so that none is taken for a new message.
  // The uniqueness of `messages_by_client_id` reaches over both tables by the trigger.
  `CREATE TABLE removed_messages (
     sender_id TEXT NOT NULL,
     client_message_id TEXT NOT NULL,
     id TEXT NOT NULL,
     conversation_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     recipient_id TEXT,
     PRIMARY KEY (sender_id, client_message_id)
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER messages_are_sent_once BEFORE INSERT ON messages
     WHEN NEW.client_message_id IS NOT NULL AND EXISTS (
       SELECT 1 FROM removed_messages
       WHERE sender_id = NEW.sender_id AND client_message_id = NEW.client_message_id
     )
     BEGIN SELECT RAISE(ABORT, 'the message was sent before, and has been removed'); END;

   CREATE TABLE probes (
     content BLOB NOT NULL
   ) STRICT;`,

  // Tokens that no longer hold, by themselves or with all of their user's.
  `CREATE TABLE revocations (
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     revoked_ms INTEGER NOT NULL,
     forget_ms INTEGER,
     PRIMARY KEY (kind, subject)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX revocations_to_forget ON revocations (forget_ms) WHERE forget_ms IS NOT NULL;`,

  // Who joins a conversation later is not shown what was said before.
  "ALTER TABLE members ADD COLUMN joined_seq INTEGER NOT NULL DEFAULT 0;",

  `CREATE TABLE blocks (
     blocker_id TEXT NOT NULL,
     blocked_id TEXT NOT NULL,
     position INTEGER NOT NULL,
     PRIMARY KEY (blocker_id, blocked_id)
   ) STRICT, WITHOUT ROWID;`,

  // How groups show themselves, who looks after them, what members arrange for themselves, what is
  // told of it all in the conversation itself, and the links by which others join.
  `ALTER TABLE conversations ADD COLUMN title TEXT;
   ALTER TABLE conversations ADD COLUMN picture TEXT;
   ALTER TABLE members ADD COLUMN role TEXT NOT NULL DEFAULT 'member';
   ALTER TABLE members ADD COLUMN muted_until_ms INTEGER;
   ALTER TABLE members ADD COLUMN archived_ms INTEGER;
   ALTER TABLE members ADD COLUMN pinned_ms INTEGER;
   ALTER TABLE members ADD COLUMN sent_seq INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE messages ADD COLUMN event TEXT;
   CREATE INDEX events ON messages (conversation_id, seq) WHERE event IS NOT NULL;

   CREATE TABLE invites (
     code TEXT NOT NULL PRIMARY KEY,
     conversation_id TEXT NOT NULL REFERENCES conversations (id),
     creator_id TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     expires_ms INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX invites_by_conversation ON invites (conversation_id, created_ms);`,

  // What becomes of messages after their sending. What a message says, and said, stands in no event.
  `ALTER TABLE messages ADD COLUMN edited_ms INTEGER;
   ALTER TABLE messages ADD COLUMN deleted_ms INTEGER;
   ALTER TABLE messages ADD COLUMN pinned_ms INTEGER;
   CREATE INDEX pinned ON messages (conversation_id, pinned_ms) WHERE pinned_ms IS NOT NULL;
   CREATE INDEX replies ON messages (reply_to, conversation_id, seq)
     WHERE reply_to IS NOT NULL AND event IS NULL AND deleted_ms IS NULL;

   UPDATE members SET sent_seq = sent.seq
   FROM (SELECT conversation_id, sender_id, max(seq) AS seq FROM messages
         GROUP BY conversation_id, sender_id) AS sent
   WHERE sent.conversation_id = members.conversation_id AND sent.sender_id = members.user_id;

   CREATE TABLE message_versions (
     message_id TEXT NOT NULL,
     version INTEGER NOT NULL,
     content TEXT NOT NULL,
     replaced_ms INTEGER NOT NULL,
     PRIMARY KEY (message_id, version)
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE reactions (
     message_id TEXT NOT NULL,
     user_id TEXT NOT NULL,
     emoji TEXT NOT NULL,
     reacted_ms INTEGER NOT NULL,
     PRIMARY KEY (message_id, user_id)
   ) STRICT, WITHOUT ROWID;`,

  // The words of messages, by their rowids: see sqlite-search-writes.ts. It is filled after messages
  // are committed, up to the row that `search_progress` names, whose id tells whether rowids are
  // still what they were. What is changed or removed is no longer found at once.
  `CREATE VIRTUAL TABLE search USING fts5 (
     content, conversation, sender,
     content = '', contentless_delete = 1, prefix = '3 5',
     tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
   );
   INSERT INTO search (search, rank) VALUES ('automerge', 0), ('crisismerge', 64), ('deletemerge', 5);
   CREATE TABLE search_progress (upto INTEGER NOT NULL, message_id TEXT) STRICT;
   INSERT INTO search_progress (upto) VALUES (0);
   CREATE TABLE search_pending (position INTEGER PRIMARY KEY) STRICT;

   CREATE TRIGGER changed_messages_are_not_found AFTER UPDATE OF content ON messages
     WHEN OLD.rowid <= (SELECT upto FROM search_progress)
     BEGIN
       DELETE FROM search WHERE rowid = OLD.rowid;
       INSERT OR IGNORE INTO search_pending
       SELECT OLD.rowid WHERE NEW.deleted_ms IS NULL AND NEW.event IS NULL;
     END;
   CREATE TRIGGER removed_messages_are_not_found AFTER DELETE ON messages
     WHEN OLD.rowid <= (SELECT upto FROM search_progress)
     BEGIN
       DELETE FROM search WHERE rowid = OLD.rowid;
       DELETE FROM search_pending WHERE position = OLD.rowid;
       UPDATE search_progress SET (upto, message_id) = (
         SELECT coalesce(max(rowid), 0), max(id) FROM (
           SELECT rowid, id FROM messages WHERE rowid < OLD.rowid ORDER BY rowid DESC LIMIT 1
         )
       ) WHERE upto = OLD.rowid;
     END;`,

  // Whom messages name, and how long they say something. mentions follows the messages' own column.
  `ALTER TABLE conversations ADD COLUMN disappear_after_seconds INTEGER;
   ALTER TABLE messages ADD COLUMN expires_ms INTEGER;
   ALTER TABLE messages ADD COLUMN mentions TEXT;
   CREATE INDEX disappearing ON messages (expires_ms)
     WHERE expires_ms IS NOT NULL AND deleted_ms IS NULL;

   CREATE TABLE mentions (
     conversation_id TEXT NOT NULL,
     user_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     PRIMARY KEY (conversation_id, user_id, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER messages_mention AFTER INSERT ON messages WHEN NEW.mentions IS NOT NULL
     BEGIN
       INSERT INTO mentions (conversation_id, user_id, seq)
       SELECT NEW.conversation_id, value, NEW.seq FROM json_each(NEW.mentions);
     END;
   CREATE TRIGGER deleted_messages_mention_nobody AFTER UPDATE OF mentions ON messages
     WHEN OLD.mentions IS NOT NULL AND NEW.mentions IS NULL
     BEGIN
       DELETE FROM mentions WHERE conversation_id = OLD.conversation_id AND seq = OLD.seq
         AND user_id IN (SELECT value FROM json_each(OLD.mentions));
     END;
   CREATE TRIGGER removed_messages_mention_nobody AFTER DELETE ON messages
     WHEN OLD.mentions IS NOT NULL
     BEGIN
       DELETE FROM mentions WHERE conversation_id = OLD.conversation_id AND seq = OLD.seq
         AND user_id IN (SELECT value FROM json_each(OLD.mentions));
     END;`,

  // Users' profiles, and the removal of a user. Messages are found by their sender over one of two
  // indexes, so that none has more entries than one with a client's id has had.
  `ALTER TABLE users ADD COLUMN profile_name TEXT;
   ALTER TABLE users ADD COLUMN picture TEXT;
   CREATE INDEX messages_without_client_id ON messages (sender_id) WHERE client_message_id IS NULL;
   CREATE INDEX reactions_by_user ON reactions (user_id, message_id);
   CREATE INDEX invites_by_creator ON invites (creator_id, code);

   CREATE TABLE erasures (
     user_id TEXT NOT NULL PRIMARY KEY,
     requested_ms INTEGER NOT NULL,
     keeps_messages INTEGER NOT NULL,
     done_ms INTEGER,
     erased_messages INTEGER NOT NULL DEFAULT 0,
     stage INTEGER NOT NULL DEFAULT 0,
     stage_after TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX erasures_under_way ON erasures (requested_ms) WHERE done_ms IS NULL;
   CREATE TABLE erasures_untold (
     user_id TEXT NOT NULL,
     conversation_id TEXT NOT NULL,
     PRIMARY KEY (user_id, conversation_id)
   ) STRICT, WITHOUT ROWID;`,

  // Files of messages. `messages.attachments` repeats what is shown of them. Whatever takes a message
  // away takes them with it: `remove_ms` 0 says that only the files are left to be removed.
  `ALTER TABLE messages ADD COLUMN attachments TEXT;

   CREATE TABLE attachments (
     id TEXT NOT NULL PRIMARY KEY,
     uploader_id TEXT NOT NULL,
     message_id TEXT,
     name TEXT NOT NULL,
     type TEXT NOT NULL,
     size INTEGER NOT NULL,
     width INTEGER,
     height INTEGER,
     has_thumbnail INTEGER NOT NULL,
     created_ms INTEGER NOT NULL,
     remove_ms INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX attachments_by_uploader ON attachments (uploader_id, size);
   CREATE INDEX attachments_by_message ON attachments (message_id) WHERE message_id IS NOT NULL;
   CREATE INDEX attachments_to_remove ON attachments (remove_ms) WHERE remove_ms IS NOT NULL;

   CREATE TRIGGER attachments_go_with_removed_messages AFTER DELETE ON messages
     WHEN OLD.attachments IS NOT NULL
     BEGIN UPDATE attachments SET remove_ms = 0 WHERE message_id = OLD.id; END;
   CREATE TRIGGER attachments_go_with_deleted_messages
     AFTER UPDATE OF attachments, deleted_ms ON messages
     WHEN OLD.attachments IS NOT NULL AND (NEW.attachments IS NULL OR NEW.deleted_ms IS NOT NULL)
     BEGIN UPDATE attachments SET remove_ms = 0 WHERE message_id = OLD.id; END;`,

  // The index of words anew: its rows tell conversations apart (see sqlite-search-tokens.ts).
  `DROP TRIGGER changed_messages_are_not_found;
   DROP TRIGGER removed_messages_are_not_found;
   DROP TABLE search;
   CREATE VIRTUAL TABLE search USING fts5 (
     content, conversation, sender,
     content = '', contentless_delete = 1, prefix = '3 5',
     tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
   );
   INSERT INTO search (search, rank) VALUES ('automerge', 0), ('crisismerge', 64), ('deletemerge', 5);
   UPDATE search_progress SET upto = 0, message_id = NULL;
   DELETE FROM search_pending;

   CREATE TRIGGER changed_messages_are_not_found AFTER UPDATE OF content ON messages
     WHEN OLD.rowid <= (SELECT upto FROM search_progress)
     BEGIN
       DELETE FROM search
       WHERE rowid >= (68719476736 - OLD.rowid) << 16 AND rowid < (68719476737 - OLD.rowid) << 16;
       INSERT OR IGNORE INTO search_pending
       SELECT OLD.rowid WHERE NEW.deleted_ms IS NULL AND NEW.event IS NULL;
     END;
   CREATE TRIGGER removed_messages_are_not_found AFTER DELETE ON messages
     WHEN OLD.rowid <= (SELECT upto FROM search_progress)
     BEGIN
       DELETE FROM search
       WHERE rowid >= (68719476736 - OLD.rowid) << 16 AND rowid < (68719476737 - OLD.rowid) << 16;
       DELETE FROM search_pending WHERE position = OLD.rowid;
       UPDATE search_progress SET (upto, message_id) = (
         SELECT coalesce(max(rowid), 0), max(id) FROM (
           SELECT rowid, id FROM messages WHERE rowid < OLD.rowid ORDER BY rowid DESC LIMIT 1
         )
       ) WHERE upto = OLD.rowid;
     END;`,

  // Lists are put in order by what stands in this index and in conversations' rows.
  `DROP INDEX members_by_user;
   CREATE INDEX members_by_user ON members (user_id, conversation_id, archived_ms, pinned_ms);`,

  // Files that a user has not sent are exported, and erased, without those that they have.
  `CREATE INDEX attachments_unsent ON attachments (uploader_id, id) WHERE message_id IS NULL;`,

  // An edited message may name others than before.
  `DROP TRIGGER deleted_messages_mention_nobody;
   CREATE TRIGGER changed_messages_mention AFTER UPDATE OF mentions ON messages
     WHEN NEW.mentions IS NOT OLD.mentions
     BEGIN
       DELETE FROM mentions WHERE conversation_id = OLD.conversation_id AND seq = OLD.seq
         AND user_id IN (SELECT value FROM json_each(OLD.mentions));
       INSERT INTO mentions (conversation_id, user_id, seq)
       SELECT NEW.conversation_id, value, NEW.seq FROM json_each(NEW.mentions);
     END;`,

  // Users who are not there are told, and the app's back end is. A message is in the outbox from its
  // commit on, until it is known who is to be told of it. `due_ms` is null of a notice that was sent,
  // and of an event that waits for another of its lane.
  `CREATE TABLE outbox (
     position INTEGER PRIMARY KEY,
     message_id TEXT NOT NULL
   ) STRICT;

   CREATE TABLE notice_targets (
     id TEXT NOT NULL PRIMARY KEY,
     user_id TEXT NOT NULL,
     channel TEXT NOT NULL,
     address TEXT NOT NULL,
     keys TEXT,
     created_ms INTEGER NOT NULL,
     UNIQUE (channel, address)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX notice_targets_by_user ON notice_targets (user_id, id);

   CREATE TABLE notice_preferences (
     user_id TEXT NOT NULL PRIMARY KEY,
     preferences TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE notices (
     target_id TEXT NOT NULL,
     conversation_id TEXT NOT NULL,
     channel TEXT NOT NULL,
     last_seq INTEGER NOT NULL,
     due_ms INTEGER,
     attempts INTEGER NOT NULL DEFAULT 0,
     created_ms INTEGER NOT NULL,
     next_ms INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (target_id, conversation_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX notices_due ON notices (channel, due_ms) WHERE due_ms IS NOT NULL;
   CREATE INDEX notices_sent ON notices (next_ms) WHERE due_ms IS NULL;

   CREATE TABLE webhook_events (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL,
     type TEXT NOT NULL,
     lane TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     data TEXT,
     message_id TEXT,
     attempts INTEGER NOT NULL DEFAULT 0,
     due_ms INTEGER
   ) STRICT;
   CREATE INDEX webhook_events_by_lane ON webhook_events (lane, position);
   CREATE INDEX webhook_events_due ON webhook_events (due_ms) WHERE due_ms IS NOT NULL;

   CREATE TABLE dead_letters (
     id TEXT NOT NULL PRIMARY KEY,
     channel TEXT NOT NULL,
     user_id TEXT,
     target_id TEXT,
     conversation_id TEXT,
     seq INTEGER,
     event_id TEXT,
     event_type TEXT,
     lane TEXT,
     data TEXT,
     message_id TEXT,
     created_ms INTEGER NOT NULL,
     attempts INTEGER NOT NULL,
     reason TEXT NOT NULL,
     died_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX dead_letters_by_user ON dead_letters (user_id, id) WHERE user_id IS NOT NULL;`,
];

/**
 * Brings the database to the newest version; each step is done wholly or not at all, so a failure
 * leaves a database that can be tried again. Throws AppError INVALID_CONFIGURATION for a database
 * that a newer Parley made, which is left as it is.
 */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  for (let version = versionOf(db); version !== migrations.length; version = versionOf(db)) {
    const step = migrations[version];
    if (step === undefined) {
      throw new AppError(
        "INVALID_CONFIGURATION",
        `the database was written by a newer Parley (schema ${version}; this one knows up to ${migrations.length}): start that version again, or restore a backup made before it`,
      );
    }
    db.transaction(() => {
      db.run(step);
      db.run(`PRAGMA user_version = ${version + 1}`);
    }).immediate();
  }
}

/** Of the schema; 0 in a database that Parley has not migrated yet, or that is not Parley's. */
export function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}
