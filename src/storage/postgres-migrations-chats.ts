/** Versions 1 to 3: all that chats and work queues are made of, and what tells of commits. */
export const CHATS: readonly string[] = [
  // `position` is the order in which messages were written. `last_seq` and `last_message_ms` repeat
  // the newest message, so that lists of users with many conversations need not look at messages.
  // `mentioned` repeats `mentions`, and `words` what search knows of the content. `move` tells from
  // which database of SQLite the schema is, or is being, filled: see move-target.ts.
  `CREATE TABLE conversations (
     id text COLLATE "C" PRIMARY KEY,
     kind text NOT NULL,
     created_ms bigint NOT NULL,
     last_seq bigint NOT NULL DEFAULT 0,
     last_message_ms bigint,
     title text,
     picture text,
     disappear_after_seconds bigint
   );

   CREATE TABLE members (
     conversation_id text COLLATE "C" NOT NULL,
     user_id text COLLATE "C" NOT NULL,
     position bigint NOT NULL,
     joined_seq bigint NOT NULL DEFAULT 0,
     delivered_seq bigint NOT NULL DEFAULT 0,
     read_seq bigint NOT NULL DEFAULT 0,
     sent_seq bigint NOT NULL DEFAULT 0,
     role text NOT NULL DEFAULT 'member',
     muted_until_ms bigint,
     archived_ms bigint,
     pinned_ms bigint,
     PRIMARY KEY (conversation_id, user_id)
   );
   CREATE INDEX members_by_user ON members (user_id, conversation_id)
     INCLUDE (archived_ms, pinned_ms);

   CREATE TABLE messages (
     position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     id text COLLATE "C" NOT NULL,
     conversation_id text COLLATE "C" NOT NULL,
     seq bigint NOT NULL,
     sender_id text COLLATE "C" NOT NULL,
     timestamp_ms bigint NOT NULL,
     client_message_id text COLLATE "C",
     sender_name text NOT NULL,
     recipient_id text COLLATE "C",
     type text NOT NULL,
     reply_to text COLLATE "C",
     content text NOT NULL,
     event text,
     edited_ms bigint,
     deleted_ms bigint,
     pinned_ms bigint,
     expires_ms bigint,
     mentions text,
     mentioned text[],
     attachments text,
     words tsvector
   );
   CREATE UNIQUE INDEX messages_by_id ON messages (id);
   CREATE UNIQUE INDEX messages_by_seq ON messages (conversation_id, seq);
   CREATE UNIQUE INDEX messages_by_client_id ON messages (sender_id, client_message_id)
     WHERE client_message_id IS NOT NULL;
   CREATE INDEX messages_without_client_id ON messages (sender_id, position)
     WHERE client_message_id IS NULL;
   CREATE INDEX events ON messages (conversation_id, seq) WHERE event IS NOT NULL;
   CREATE INDEX pinned ON messages (conversation_id, pinned_ms) WHERE pinned_ms IS NOT NULL;
   CREATE INDEX replies ON messages (reply_to, conversation_id, seq)
     WHERE reply_to IS NOT NULL AND event IS NULL AND deleted_ms IS NULL;
   CREATE INDEX disappearing ON messages (expires_ms)
     WHERE expires_ms IS NOT NULL AND deleted_ms IS NULL;
   CREATE INDEX words ON messages USING gin (words);

   CREATE TABLE removed_messages (
     sender_id text COLLATE "C" NOT NULL,
     client_message_id text COLLATE "C" NOT NULL,
     id text COLLATE "C" NOT NULL,
     conversation_id text COLLATE "C" NOT NULL,
     seq bigint NOT NULL,
     recipient_id text COLLATE "C",
     PRIMARY KEY (sender_id, client_message_id)
   );

   CREATE TABLE message_versions (
     message_id text COLLATE "C" NOT NULL,
     version bigint NOT NULL,
     content text NOT NULL,
     replaced_ms bigint NOT NULL,
     PRIMARY KEY (message_id, version)
   );

   CREATE TABLE reactions (
     message_id text COLLATE "C" NOT NULL,
     user_id text COLLATE "C" NOT NULL,
     emoji text NOT NULL,
     reacted_ms bigint NOT NULL,
     PRIMARY KEY (message_id, user_id)
   );
   CREATE INDEX reactions_by_user ON reactions (user_id, message_id);

   CREATE TABLE mentions (
     conversation_id text COLLATE "C" NOT NULL,
     user_id text COLLATE "C" NOT NULL,
     seq bigint NOT NULL,
     PRIMARY KEY (conversation_id, user_id, seq)
   );

   CREATE TABLE users (
     user_id text COLLATE "C" PRIMARY KEY,
     name text NOT NULL,
     last_seen_ms bigint NOT NULL,
     profile_name text,
     picture text
   );

   CREATE TABLE queue_messages (
     position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     id text COLLATE "C" NOT NULL UNIQUE,
     queue text NOT NULL,
     headers text NOT NULL,
     expires_ms bigint,
     deliveries bigint NOT NULL,
     body_text text,
     body_bytes bytea
   );

   CREATE TABLE revocations (
     kind text COLLATE "C" NOT NULL,
     subject text COLLATE "C" NOT NULL,
     revoked_ms bigint NOT NULL,
     forget_ms bigint,
     PRIMARY KEY (kind, subject)
   );
   CREATE INDEX revocations_to_forget ON revocations (forget_ms) WHERE forget_ms IS NOT NULL;

   CREATE TABLE blocks (
     blocker_id text COLLATE "C" NOT NULL,
     blocked_id text COLLATE "C" NOT NULL,
     position bigint GENERATED ALWAYS AS IDENTITY,
     PRIMARY KEY (blocker_id, blocked_id)
   );

   CREATE TABLE invites (
     code text COLLATE "C" PRIMARY KEY,
     conversation_id text COLLATE "C" NOT NULL,
     creator_id text COLLATE "C" NOT NULL,
     created_ms bigint NOT NULL,
     expires_ms bigint
   );
   CREATE INDEX invites_by_conversation ON invites (conversation_id, created_ms);
   CREATE INDEX invites_by_creator ON invites (creator_id, code);

   CREATE TABLE erasures (
     user_id text COLLATE "C" PRIMARY KEY,
     requested_ms bigint NOT NULL,
     keeps_messages boolean NOT NULL,
     done_ms bigint,
     erased_messages bigint NOT NULL DEFAULT 0,
     stage integer NOT NULL DEFAULT 0,
     stage_after text COLLATE "C"
   );
   CREATE INDEX erasures_under_way ON erasures (requested_ms) WHERE done_ms IS NULL;
   CREATE TABLE erasures_untold (
     user_id text COLLATE "C" NOT NULL,
     conversation_id text COLLATE "C" NOT NULL,
     PRIMARY KEY (user_id, conversation_id)
   );

   CREATE TABLE attachments (
     id text COLLATE "C" PRIMARY KEY,
     uploader_id text COLLATE "C" NOT NULL,
     message_id text COLLATE "C",
     name text NOT NULL,
     type text NOT NULL,
     size bigint NOT NULL,
     width bigint,
     height bigint,
     has_thumbnail boolean NOT NULL,
     created_ms bigint NOT NULL,
     remove_ms bigint
   );
   CREATE INDEX attachments_by_uploader ON attachments (uploader_id, size);
   CREATE INDEX attachments_by_message ON attachments (message_id) WHERE message_id IS NOT NULL;
   CREATE INDEX attachments_to_remove ON attachments (remove_ms) WHERE remove_ms IS NOT NULL;

   CREATE TABLE probes (content bytea NOT NULL);

   CREATE TABLE move (
     is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
     source text NOT NULL,
     begun_ms bigint NOT NULL,
     finished_ms bigint
   );
   CREATE TABLE move_tables (
     name text PRIMARY KEY,
     after text,
     rows bigint NOT NULL DEFAULT 0
   );
   CREATE TABLE move_indexes (
     name text PRIMARY KEY,
     definition text NOT NULL
   );

   CREATE INDEX attachments_unsent ON attachments (uploader_id, message_id, id);

   CREATE FUNCTION messages_mention() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       INSERT INTO mentions (conversation_id, user_id, seq)
       SELECT NEW.conversation_id, named.user_id, NEW.seq
       FROM unnest(NEW.mentioned) AS named (user_id)
       ON CONFLICT DO NOTHING;
       RETURN NULL;
     END $$;
   CREATE TRIGGER messages_mention AFTER INSERT ON messages
     FOR EACH ROW WHEN (NEW.mentioned IS NOT NULL) EXECUTE FUNCTION messages_mention();

   CREATE FUNCTION messages_mention_nobody() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       DELETE FROM mentions WHERE conversation_id = OLD.conversation_id AND seq = OLD.seq
         AND user_id = ANY (OLD.mentioned);
       RETURN NULL;
     END $$;
   CREATE TRIGGER changed_messages_mention_nobody AFTER UPDATE OF mentioned ON messages
     FOR EACH ROW WHEN (OLD.mentioned IS NOT NULL AND NEW.mentioned IS DISTINCT FROM OLD.mentioned)
     EXECUTE FUNCTION messages_mention_nobody();
   CREATE TRIGGER changed_messages_mention_others AFTER UPDATE OF mentioned ON messages
     FOR EACH ROW WHEN (NEW.mentioned IS NOT NULL AND NEW.mentioned IS DISTINCT FROM OLD.mentioned)
     EXECUTE FUNCTION messages_mention();
   CREATE TRIGGER removed_messages_mention_nobody AFTER DELETE ON messages
     FOR EACH ROW WHEN (OLD.mentioned IS NOT NULL) EXECUTE FUNCTION messages_mention_nobody();

   CREATE FUNCTION attachments_go() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       UPDATE attachments SET remove_ms = 0 WHERE message_id = OLD.id;
       RETURN NULL;
     END $$;
   CREATE TRIGGER attachments_go_with_removed_messages AFTER DELETE ON messages
     FOR EACH ROW WHEN (OLD.attachments IS NOT NULL) EXECUTE FUNCTION attachments_go();
   CREATE TRIGGER attachments_go_with_deleted_messages
     AFTER UPDATE OF attachments, deleted_ms ON messages
     FOR EACH ROW WHEN (
       OLD.attachments IS NOT NULL AND (NEW.attachments IS NULL OR NEW.deleted_ms IS NOT NULL)
     ) EXECUTE FUNCTION attachments_go();`,

  // Nodes share work queues: `claim` is the lease of the node that has the message, and `claim_run`
  // tells the node's commits apart.
  `CREATE TABLE queue_leases (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     expires timestamptz NOT NULL
   );
   ALTER TABLE queue_messages ADD COLUMN claim bigint, ADD COLUMN claim_run bigint;
   CREATE INDEX queue_messages_waiting ON queue_messages (queue, position) WHERE claim IS NULL;
   CREATE INDEX queue_messages_claimed ON queue_messages (claim) WHERE claim IS NOT NULL;
   CREATE INDEX queue_messages_expiring ON queue_messages (expires_ms)
     WHERE expires_ms IS NOT NULL AND claim IS NULL;`,

  // By which a process finds out whether a transaction was committed, see postgres-marks.ts.
  `CREATE TABLE commit_marks (
     writer text COLLATE "C" PRIMARY KEY,
     token bigint NOT NULL,
     marked timestamptz NOT NULL DEFAULT now()
   );`,
];
