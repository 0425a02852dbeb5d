/** Versions 1 to 6: conversations and messages, work queues, what was revoked, who blocks whom. */
export const CHATS: readonly string[] = [
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
];
