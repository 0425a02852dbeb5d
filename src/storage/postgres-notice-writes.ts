import { anyGiven, anyOf, lookedUp } from "./postgres-given.ts";

/** Of `said`, what a member is told of. */
const TOLD = `
  said.seq > greatest(members.read_seq, members.joined_seq, members.sent_seq)
  AND said.sender_id <> members.user_id
  AND NOT EXISTS (
    SELECT 1 FROM blocks WHERE blocker_id = members.user_id AND blocked_id = said.sender_id
  )`;

/** Notices of one user's targets, by their keys, as JSON. */
const outcomes = (columns: string) => `
  json_to_recordset($1::text::json)
    AS given ("targetId" text, "conversationId" text, "lastSeq" bigint, ${columns})`;

/**
 * What was due is the notice that is there, or what it was before others extended it. That it is due is
 * said in a way that no index of those that are due is gone through for it.
 */
const IS_OF_OUTCOME = `
  ${lookedUp("notices.target_id", 'given."targetId"')}
  AND ${lookedUp("notices.conversation_id", 'given."conversationId"')}
  AND num_nulls(notices.due_ms) = 0`;

/** Letters that are given by their ids, in that order. */
const LETTERS = `
  ROWS FROM (json_array_elements_text($1::text::json)) WITH ORDINALITY AS wanted (id, place)
  JOIN dead_letters ON ${lookedUp("dead_letters.id", "wanted.id")}`;

/** One event that waits in the lane, if any does. */
const firstOf = (lane: string) => `
  SELECT id FROM webhook_events WHERE webhook_events.lane = ${lane} LIMIT 1`;

/** What is done to notices, their targets and dead letters. */
export const NOTICE_WRITES = {
  /**
   * What writes notices, or takes targets away, is done by one transaction at a time: no notice is made
   * of a target that goes meanwhile, and nothing waits crosswise.
   */
  takeTurn: "SELECT pg_advisory_xact_lock($1::integer, hashtext(current_schema()))",

  /** Where the transaction is done again if a crash of the server undoes it: it waits for no disk. */
  takeTurnUnsynced: `
    SELECT set_config('synchronous_commit', 'off', true),
           pg_advisory_xact_lock($1::integer, hashtext(current_schema()))`,

  forgetOthers: `
    WITH gone AS (
      DELETE FROM notice_targets WHERE channel = $1 AND address = $2 AND id <> $3 RETURNING id
    )
    DELETE FROM notices USING gone WHERE ${lookedUp("notices.target_id", "gone.id")}`,

  putTarget: `
    INSERT INTO notice_targets (id, user_id, channel, address, keys, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6::bigint)
    ON CONFLICT (id) DO UPDATE
    SET user_id = excluded.user_id, address = excluded.address, keys = excluded.keys`,

  removeTarget: `
    WITH gone AS (DELETE FROM notice_targets WHERE id = $1 AND user_id = $2 RETURNING id)
    DELETE FROM notices USING gone WHERE ${lookedUp("notices.target_id", "gone.id")}`,

  putPreferences: `
    INSERT INTO notice_preferences (user_id, preferences) VALUES ($1, $2)
    ON CONFLICT (user_id) DO UPDATE SET preferences = excluded.preferences`,

  /**
   * $1: the limit; $2: the time; $3: the channels, as JSON; $4: events for webhooks are made too.
   * Whoever has answered has seen what was there, as in lists of conversations. What waits begins anew
   * where all of it was sent or has been seen. Of each conversation the members are looked at once, and
   * of its messages, for each of them, the outermost.
   */
  expand: `
    WITH taken AS (
      DELETE FROM outbox WHERE position = ${anyOf(`
        SELECT position FROM outbox ORDER BY position LIMIT $1::bigint FOR UPDATE SKIP LOCKED
      `)}
      RETURNING position, message_id
    ), kept AS MATERIALIZED (
      SELECT messages.id, messages.position, messages.conversation_id, messages.seq,
             messages.sender_id, messages.timestamp_ms,
             messages.event IS NULL AND messages.deleted_ms IS NULL AS is_said
      FROM taken JOIN messages ON ${lookedUp("messages.id", "taken.message_id")}
    ), heard AS MATERIALIZED (
      SELECT conversation_id, max(seq) AS last_seq, array_agg(seq ORDER BY seq) AS seqs,
             array_agg(sender_id ORDER BY seq) AS sender_ids,
             array_agg(timestamp_ms ORDER BY seq) AS times_ms,
             array_agg(seq ORDER BY seq DESC) AS last_seqs,
             array_agg(sender_id ORDER BY seq DESC) AS last_sender_ids
      FROM kept WHERE is_said AND $3 <> '[]'
      GROUP BY conversation_id
    ), told AS (
      SELECT notice_targets.id AS target_id, heard.conversation_id, notice_targets.channel,
             last.seq AS last_seq,
             least(first.time_ms, $2::bigint) + channels."delayMs" AS due_ms
      FROM heard
      JOIN members ON ${lookedUp("members.conversation_id", "heard.conversation_id")}
        AND heard.last_seq > greatest(members.read_seq, members.joined_seq, members.sent_seq)
        AND coalesce(members.muted_until_ms, 0) <= $2::bigint
      JOIN notice_targets ON ${lookedUp("notice_targets.user_id", "members.user_id")}
      JOIN json_to_recordset($3::text::json) AS channels (channel text, "delayMs" bigint)
        ON channels.channel = notice_targets.channel
      CROSS JOIN LATERAL (
        SELECT seq FROM (
          SELECT unnest(heard.last_seqs) AS seq, unnest(heard.last_sender_ids) AS sender_id
        ) AS said
        WHERE ${TOLD} LIMIT 1
      ) AS last
      CROSS JOIN LATERAL (
        SELECT time_ms FROM (
          SELECT unnest(heard.seqs) AS seq, unnest(heard.sender_ids) AS sender_id,
                 unnest(heard.times_ms) AS time_ms
        ) AS said
        WHERE ${TOLD} LIMIT 1
      ) AS first
    ), noticed AS (
      INSERT INTO notices AS old
        (target_id, conversation_id, channel, last_seq, due_ms, created_ms)
      SELECT target_id, conversation_id, channel, last_seq, due_ms, $2::bigint FROM told
      ON CONFLICT (target_id, conversation_id) DO UPDATE
      SET last_seq = greatest(old.last_seq, excluded.last_seq),
          (attempts, created_ms, due_ms) = (
            SELECT CASE WHEN is_anew THEN 0 ELSE old.attempts END,
                   CASE WHEN is_anew THEN excluded.created_ms ELSE old.created_ms END,
                   CASE WHEN is_anew THEN greatest(old.due_ms, excluded.due_ms, least(
                     old.next_ms, $2::bigint + (
                       SELECT "intervalMs" FROM json_to_recordset($3::text::json)
                         AS channels (channel text, "intervalMs" bigint)
                       WHERE channels.channel = excluded.channel
                     )
                   )) ELSE old.due_ms END
            FROM (
              SELECT old.due_ms IS NULL
                     OR old.last_seq <= greatest(read_seq, joined_seq, sent_seq) AS is_anew
              FROM members
              WHERE conversation_id = old.conversation_id AND user_id = (
                SELECT user_id FROM notice_targets WHERE id = old.target_id
              )
            ) AS seen
          )
    ), announced AS (
      INSERT INTO webhook_events (id, type, lane, created_ms, message_id, due_ms)
      SELECT kept.id, 'message.created', conversation_id, timestamp_ms, kept.id,
             CASE WHEN row_number() OVER (PARTITION BY conversation_id ORDER BY seq) = 1
                    AND before.id IS NULL
             THEN $2::bigint END
      FROM kept LEFT JOIN LATERAL (${firstOf("kept.conversation_id")}) AS before ON true
      WHERE $4::boolean ORDER BY kept.position
    )
    SELECT EXISTS (
      SELECT 1 FROM outbox WHERE position > (SELECT max(position) FROM taken)
    ) AS "isMore"`,

  sent: `
    UPDATE notices
    SET attempts = 0, next_ms = given."nextMs",
        created_ms = CASE WHEN last_seq = given."lastSeq" THEN created_ms
                     ELSE given."sentMs" END,
        due_ms = CASE WHEN last_seq > given."lastSeq"
                 THEN greatest(given."sentMs", given."nextMs") END
    FROM ${outcomes('"sentMs" bigint, "nextMs" bigint')}
    WHERE ${IS_OF_OUTCOME} AND last_seq >= given."lastSeq"`,

  drop: `
    DELETE FROM notices USING ${outcomes("kind text")}
    WHERE ${IS_OF_OUTCOME} AND last_seq = given."lastSeq"`,

  later: `
    UPDATE notices SET due_ms = given."dueMs", attempts = given.attempts
    FROM ${outcomes('"dueMs" bigint, attempts bigint')}
    WHERE ${IS_OF_OUTCOME}`,

  bury: `
    INSERT INTO dead_letters (id, channel, user_id, target_id, conversation_id, seq, created_ms,
                              attempts, reason, died_ms)
    SELECT given."letterId", notice_targets.channel, notice_targets.user_id, notices.target_id,
           notices.conversation_id, given."lastSeq", notices.created_ms, given.attempts,
           given.reason, given."diedMs"
    FROM ${outcomes('"letterId" text, attempts bigint, reason text, "diedMs" bigint')}
    JOIN notices ON ${IS_OF_OUTCOME} AND last_seq >= given."lastSeq"
    JOIN notice_targets ON ${lookedUp("notice_targets.id", "notices.target_id")}
    ON CONFLICT (id) DO NOTHING
    RETURNING id`,

  /** What came with messages that are not in the letter. */
  outlive: `
    UPDATE notices
    SET attempts = 0, next_ms = 0, created_ms = given."diedMs", due_ms = given."diedMs"
    FROM ${outcomes('"diedMs" bigint')}
    WHERE ${IS_OF_OUTCOME} AND last_seq > given."lastSeq"`,

  forgetSent: `
    DELETE FROM notices WHERE (target_id, conversation_id) IN (
      SELECT target_id, conversation_id FROM notices
      WHERE due_ms IS NULL AND next_ms < $1::bigint LIMIT $2::bigint
    ) RETURNING 1`,

  forgetWaiting: `
    DELETE FROM notices WHERE (target_id, conversation_id) IN (
      SELECT target_id, conversation_id FROM notices
      WHERE channel = ${anyGiven("$1")} AND due_ms IS NOT NULL LIMIT $2::bigint
    ) RETURNING 1`,

  reviveNotices: `
    INSERT INTO notices AS old (target_id, conversation_id, channel, last_seq, due_ms, created_ms)
    SELECT target_id, conversation_id, notice_targets.channel, last_seq, $2::bigint, $2::bigint
    FROM (
      SELECT target_id, conversation_id, max(seq) AS last_seq FROM ${LETTERS}
      GROUP BY target_id, conversation_id
    ) AS letters
    JOIN notice_targets ON ${lookedUp("notice_targets.id", "letters.target_id")}
    ON CONFLICT (target_id, conversation_id) DO UPDATE
    SET last_seq = greatest(old.last_seq, excluded.last_seq), due_ms = excluded.due_ms,
        attempts = 0, created_ms = excluded.created_ms`,

  reviveEvents: `
    INSERT INTO webhook_events (id, type, lane, created_ms, data, message_id, due_ms)
    SELECT event_id, event_type, lane, created_ms, data, message_id,
           CASE WHEN row_number() OVER (PARTITION BY lane ORDER BY place) = 1
                  AND before.id IS NULL
           THEN $2::bigint END
    FROM ${LETTERS}
    LEFT JOIN LATERAL (${firstOf("dead_letters.lane")}) AS before ON true
    WHERE event_id IS NOT NULL
    ORDER BY place`,

  /** Of letters, how many there is somebody for. */
  countRevivable: `
    SELECT count(*)::float8 AS count
    FROM ${LETTERS}
    LEFT JOIN notice_targets ON ${lookedUp("notice_targets.id", "dead_letters.target_id")}
    WHERE event_id IS NOT NULL OR notice_targets.id IS NOT NULL`,

  forgetLetters: `DELETE FROM dead_letters WHERE id = ${anyGiven("$1")}`,
} as const;
