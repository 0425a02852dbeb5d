/** From version 4 on: who is told, though they are not there, and what the back end is told. */
export const NOTICES: readonly string[] = [
  // Users who are not there are told, and the app's back end is. A message is in the outbox from its
  // commit on, until it is known who is to be told of it. `due_ms` is null of a notice that was sent,
  // and of an event that waits for another of its lane.
  `CREATE TABLE outbox (
     position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     message_id text COLLATE "C" NOT NULL
   );

   CREATE TABLE notice_targets (
     id text COLLATE "C" PRIMARY KEY,
     user_id text COLLATE "C" NOT NULL,
     channel text COLLATE "C" NOT NULL,
     address text COLLATE "C" NOT NULL,
     keys text,
     created_ms bigint NOT NULL,
     UNIQUE (channel, address)
   );
   CREATE INDEX notice_targets_by_user ON notice_targets (user_id, id);

   CREATE TABLE notice_preferences (
     user_id text COLLATE "C" PRIMARY KEY,
     preferences text NOT NULL
   );

   CREATE TABLE notices (
     target_id text COLLATE "C" NOT NULL,
     conversation_id text COLLATE "C" NOT NULL,
     channel text COLLATE "C" NOT NULL,
     last_seq bigint NOT NULL,
     due_ms bigint,
     attempts bigint NOT NULL DEFAULT 0,
     created_ms bigint NOT NULL,
     next_ms bigint NOT NULL DEFAULT 0,
     PRIMARY KEY (target_id, conversation_id)
   );
   CREATE INDEX notices_due ON notices (channel, due_ms) WHERE due_ms IS NOT NULL;
   CREATE INDEX notices_sent ON notices (next_ms) WHERE due_ms IS NULL;

   CREATE TABLE webhook_events (
     position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     id text COLLATE "C" NOT NULL,
     type text NOT NULL,
     lane text COLLATE "C" NOT NULL,
     created_ms bigint NOT NULL,
     data text,
     message_id text COLLATE "C",
     attempts bigint NOT NULL DEFAULT 0,
     due_ms bigint
   );
   CREATE INDEX webhook_events_by_lane ON webhook_events (lane, position);
   CREATE INDEX webhook_events_due ON webhook_events (due_ms, position) WHERE due_ms IS NOT NULL;

   CREATE TABLE dead_letters (
     id text COLLATE "C" PRIMARY KEY,
     channel text COLLATE "C" NOT NULL,
     user_id text COLLATE "C",
     target_id text COLLATE "C",
     conversation_id text COLLATE "C",
     seq bigint,
     event_id text COLLATE "C",
     event_type text,
     lane text COLLATE "C",
     data text,
     message_id text COLLATE "C",
     created_ms bigint NOT NULL,
     attempts bigint NOT NULL,
     reason text NOT NULL,
     died_ms bigint NOT NULL
   );
   CREATE INDEX dead_letters_by_user ON dead_letters (user_id, id) WHERE user_id IS NOT NULL;`,
];
