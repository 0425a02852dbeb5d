import { type ReservedSQL, SQL } from "bun";
import type { Clock, Timer } from "../clock.ts";
import {
  faultOf,
  isConnectionLost,
  isCrossed,
  isOfAborted,
  isReadOnly,
  isSessionEnded,
  isSilent,
  PostgresFault,
  postgresUnavailable,
} from "./postgres-errors.ts";
import { fromPostgres, toPostgres } from "./postgres-text.ts";
import type { PostgresTarget } from "./postgres-url.ts";

export type Parameter = string | number | boolean | null;

/** A statement and its parameters; its text is fixed, so that each connection prepares it once. */
export type Query = <Row>(sql: string, parameters?: readonly Parameter[]) => Promise<Row[]>;

export interface PostgresDatabaseOptions {
  readonly target: PostgresTarget;
  readonly clock: Clock;
  /** Of all together, at least 4. */
  readonly connections: number;
  /** How long a statement may take. */
  readonly statementMs: number;
  /** How long it may wait for a lock. */
  readonly lockMs: number;
  /** What its sessions are called; `target.applicationName` unless it says otherwise. */
  readonly applicationName?: string;
}

/** What the way to the server and back may take besides. */
const SLACK_MS = 5_000;
const CONNECT_SECONDS = 5;
const CLOSE_SECONDS = 2;
/** So long it is asked what became of a commit whose answer was lost. */
const OUTCOME_MS = 30_000;
const OUTCOME_PAUSE_MS = 50;
const UNKNOWN = "the store did not say whether it took the write";
/** So often a transaction is tried again that was in the way of another one. */
const CROSSINGS = 3;

/** What each transaction begins with: durable whatever the server's default, and known by an id. */
const OPEN = `
  SELECT pg_current_xact_id()::text AS id,
         CASE WHEN current_setting('synchronous_commit') = 'off'
         THEN set_config('synchronous_commit', 'on', true) END AS mode`;

/**
 * The connections to a database. Reads and writes have their own, so that neither waits for the
 * other. A connection that is lost is made anew when it is needed; one that does not answer takes the
 * others of its kind with it, since nothing else ends what waits for it. All that fails is a
 * PostgresFault, or AppError STORAGE_UNAVAILABLE.
 */
export class PostgresDatabase {
  readonly #options: PostgresDatabaseOptions;
  #reads: SQL;
  #writes: SQL;
  #isClosed = false;

  constructor(options: PostgresDatabaseOptions) {
    this.#options = options;
    this.#reads = this.#pool(this.#readers);
    this.#writes = this.#pool(this.#writers);
  }

  /** A statement by itself. Texts come and go as Parley has them, see postgres-text.ts. */
  async read<Row>(sql: string, parameters: readonly Parameter[] = []): Promise<Row[]> {
    return await this.#again(() => this.#readOnce(sql, parameters));
  }

  /**
   * A transaction of what `work` asks: resolves when it is durable; rejects when nothing of it was
   * written. Where it was in the way of another one, or the connection was lost before its commit, it
   * is tried again. Where the connection is lost in the commit, the server is asked whether it was
   * done (`pg_xact_status`); that alone which cannot be found out in OUTCOME_MS, since the server is
   * away for longer, is rejected though it may be there. A statement may take `limitMs`.
   */
  async write<T>(work: (query: Query) => Promise<T>, limitMs: number = this.#limitMs): Promise<T> {
    return await this.#again(() => this.#writeOnce(work, limitMs));
  }

  /** Of one moment's state. */
  snapshot<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#onConnection(async (query) => {
      const begun = query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const [, result] = await orRollBack(query, Promise.all([begun, work(query)]));
      await query("COMMIT");
      return result;
    });
  }

  /** What is under way fails if it is not done soon. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#end(this.#reads), this.#end(this.#writes)]);
  }

  get #limitMs(): number {
    return this.#options.statementMs + SLACK_MS;
  }

  get #writers(): number {
    return Math.max(2, Math.min(4, Math.floor(this.#options.connections / 3)));
  }

  get #readers(): number {
    return Math.max(2, this.#options.connections - this.#writers);
  }

  #pool(max: number): SQL {
    const { target, statementMs, lockMs, applicationName } = this.#options;
    return new SQL({
      ...target.connection,
      ...{ max, connectionTimeout: CONNECT_SECONDS },
      connection: {
        application_name: applicationName ?? target.applicationName,
        search_path: target.schema,
        statement_timeout: String(statementMs),
        lock_timeout: String(lockMs),
        idle_in_transaction_session_timeout: String(this.#limitMs),
        default_transaction_isolation: "read committed",
        jit: "off",
        // Every statement is one of few rows by an index. A plan that is made while tables are small
        // goes through them, and would be kept while they grow.
        ...{ enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" },
      },
    });
  }

  /**
   * Of a server that has been started anew each connection tells by its next statement alone. One that
   * says nothing has been given up with all others.
   */
  async #again<T>(attempt: () => Promise<T>): Promise<T> {
    const left = { ended: this.#options.connections, silent: 1, crossed: CROSSINGS };
    for (;;) {
      try {
        return await attempt();
      } catch (fault) {
        const isLast =
          (!isSessionEnded(fault) || left.ended-- === 0) &&
          (!isSilent(fault) || left.silent-- === 0) &&
          (!isCrossed(fault) || left.crossed-- === 0);
        if (isLast) throw fault;
      }
    }
  }

  #readOnce<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    const pool = this.#reads;
    return this.#within(
      () => run<Row>(pool, sql, parameters),
      () => {
        if (this.#reads === pool) this.#reads = this.#pool(this.#readers);
        void this.#end(pool);
      },
    );
  }

  async #writeOnce<T>(work: (query: Query) => Promise<T>, limitMs: number): Promise<T> {
    let committing: { readonly id: string; readonly result: T } | null = null;
    try {
      return await this.#onConnection(async (query) => {
        // Sent one behind the other, without waiting for their answers.
        const begun = Promise.all([query("BEGIN"), query<{ id: string }>(OPEN)]);
        const [[, [opened]], result] = await orRollBack(query, Promise.all([begun, work(query)]));
        committing = { id: opened?.id ?? "", result };
        await query("COMMIT");
        return result;
      }, limitMs);
    } catch (fault) {
      const unanswered = committing as { readonly id: string; readonly result: T } | null;
      if (unanswered === null || !isConnectionLost(fault)) throw fault;
      if (await this.#wasCommitted(unanswered.id, fault)) return unanswered.result;
      throw fault;
    }
  }

  /** Throws `fault` as AppError where that cannot be found out. */
  async #wasCommitted(transactionId: string, fault: unknown): Promise<boolean> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + OUTCOME_MS;
    while (!this.#isClosed && clock.monotonicMs() < untilMs) {
      try {
        const sql = "SELECT pg_xact_status($1::text::xid8) AS status";
        const [row] = await this.#readOnce<{ status: string | null }>(sql, [transactionId]);
        if (row?.status === "committed") return true;
        if (row?.status === "aborted") return false;
      } catch (unanswered) {
        // "In the future": of a server that took the other one's place and never heard of it.
        if (unanswered instanceof PostgresFault && unanswered.state === "22023") return false;
        if (!isConnectionLost(unanswered)) throw postgresUnavailable(UNKNOWN, unanswered);
      }
      await new Promise<void>((resolve) => clock.schedule(OUTCOME_PAUSE_MS, resolve));
    }
    throw postgresUnavailable(UNKNOWN, fault);
  }

  async #onConnection<T>(
    use: (query: Query) => Promise<T>,
    limitMs: number = this.#limitMs,
  ): Promise<T> {
    const pool = this.#writes;
    const giveUp = () => {
      if (this.#writes === pool) this.#writes = this.#pool(this.#writers);
      void this.#end(pool);
    };
    const connection = await this.#within(() => reserved(pool), giveUp);
    let first: unknown;
    try {
      return await use(async <Row>(sql: string, parameters: readonly Parameter[] = []) => {
        try {
          return await this.#within(() => run<Row>(connection, sql, parameters), giveUp, limitMs);
        } catch (fault) {
          // Another server has its place: new connections are to that one.
          if (isReadOnly(fault)) giveUp();
          // What failed first is why all that was sent behind it fails.
          first ??= fault;
          throw isOfAborted(fault) ? first : fault;
        }
      });
    } finally {
      // One that is in the middle of a transaction, or lost, is closed by it.
      void connection.release().catch(() => undefined);
    }
  }

  async #within<T>(
    work: () => Promise<T>,
    giveUp: () => void,
    limitMs: number = this.#limitMs,
  ): Promise<T> {
    if (this.#isClosed) throw postgresUnavailable("the store is closed");
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#options.clock.schedule(limitMs, () => {
        reject(new PostgresFault("silent", "PostgreSQL does not answer"));
        giveUp();
      });
    });
    try {
      return await Promise.race([work(), late]);
    } catch (fault) {
      throw faultOf(fault);
    } finally {
      timer?.cancel();
    }
  }

  /** It may wait for good for a session that the server has ended. */
  async #end(pool: SQL): Promise<void> {
    const { clock } = this.#options;
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.schedule((CLOSE_SECONDS + 1) * 1_000, resolve);
    });
    await Promise.race([pool.close({ timeout: CLOSE_SECONDS }).catch(() => undefined), late]);
    timer?.cancel();
  }
}

async function reserved(pool: SQL): Promise<ReservedSQL> {
  return await pool.reserve();
}

async function run<Row>(
  connection: SQL,
  sql: string,
  parameters: readonly Parameter[],
): Promise<Row[]> {
  const sent = parameters.map((each) => (typeof each === "string" ? toPostgres(each) : each));
  // Without parameters it is not prepared, and may be several statements.
  const query = sent.length === 0 ? connection.unsafe(sql) : connection.unsafe(sql, sent);
  // At once: statements are sent in the order of these calls.
  const rows = await query.execute();
  for (const row of rows) {
    for (const column in row) {
      const value = row[column];
      if (typeof value === "string") row[column] = fromPostgres(value);
    }
  }
  return Array.from(rows);
}

/** Of a transaction that has begun, what is asked in it. */
async function orRollBack<T>(query: Query, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (fault) {
    if (!isConnectionLost(fault)) await query("ROLLBACK").catch(() => undefined);
    throw fault;
  }
}
