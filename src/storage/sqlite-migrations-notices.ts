/** From version 17 on: who is told, though they are not there, and what the back end is told. */
export const NOTICES: readonly string[] = [
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
