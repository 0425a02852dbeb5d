/** Versions 7 to 16: groups, what becomes of messages, search, profiles and erasure, files. */
export const GROUPS: readonly string[] = [
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
];
