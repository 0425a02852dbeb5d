import type { ReservedSQL, SQL } from "bun";
import type { Clock } from "../clock.ts";
import { within } from "./postgres-connections.ts";
import {
  faultOf,
  isConnectionLost,
  isCrossed,
  isOfAborted,
  isReadOnly,
  isSessionEnded,
  isSilent,
  isUnreachable,
  postgresUnavailable,
} from "./postgres-errors.ts";
import { type CommitMark, CommitMarks, findMark, setMark } from "./postgres-marks.ts";
import { PostgresPools, type SessionParameters, sessionParameters } from "./postgres-pools.ts";
import type { PostgresServers } from "./postgres-servers.ts";
import { fromPostgres, toPostgres } from "./postgres-text.ts";

export type Parameter = string | number | boolean | null;

/** A statement and its parameters; its text is fixed, so that each connection prepares it once. */
export type Query = <Row>(sql: string, parameters?: readonly Parameter[]) => Promise<Row[]>;

export interface PostgresDatabaseOptions {
  readonly servers: PostgresServers;
  readonly clock: Clock;
  /** Of all together, at least 4. */
  readonly connections: number;
  /** How long a statement may take. */
  readonly statementMs: number;
  /** How long it may wait for a lock. */
  readonly lockMs: number;
  /** What its sessions are called; the target's `applicationName` unless it says otherwise. */
  readonly applicationName?: string;
}

/** What the way to the server and back may take besides. */
const SLACK_MS = 5_000;
/** So long it is asked what became of a commit whose answer was lost. */
const OUTCOME_MS = 30_000;
const OUTCOME_PAUSE_MS = 50;
const UNKNOWN = "the store did not say whether it took the write";
/** So often a transaction is tried again that was in the way of another one. */
const CROSSINGS = 3;

/** It may be committed: the answer is yet to come. */
interface OpenCommit<T> {
  readonly result: T;
}

/**
 * The connections to a database, which are all to the server that takes writes. One that is lost is
 * made anew when it is needed, to whichever server that is by then; one that does not answer takes the
 * others with it, since nothing else ends what waits for it. All that fails is a PostgresFault, or
 * AppError STORAGE_UNAVAILABLE.
 */
export class PostgresDatabase {
  /** What its sessions ask for at their beginning. */
  readonly parameters: SessionParameters;
  readonly #options: PostgresDatabaseOptions;
  readonly #marks = new CommitMarks();
  #pools: PostgresPools | null = null;
  #isClosed = false;

  constructor(options: PostgresDatabaseOptions) {
    const { servers, statementMs, lockMs } = options;
    const { applicationName, schema } = { ...servers.target, ...options };
    const idleMs = statementMs + SLACK_MS;
    this.parameters = sessionParameters({ applicationName, schema, statementMs, lockMs, idleMs });
    this.#options = options;
    servers.onMoved(() => this.#leave());
  }

  /** A statement by itself. Texts come and go as Parley has them, see postgres-text.ts. */
  async read<Row>(sql: string, parameters: readonly Parameter[] = []): Promise<Row[]> {
    return await this.#again(() => this.#readOnce(sql, parameters));
  }

  /**
   * A transaction of what `work` asks: resolves when it is durable; rejects when nothing of it was
   * written. Where it was in the way of another one, or the connection was lost before its commit, it
   * is tried again. Where the connection is lost in the commit, the database is asked whether it was
   * done; that alone which cannot be found out in OUTCOME_MS, since the server is away for longer, is
   * rejected though it may be there.
   */
  async write<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return await this.#again(() => this.#writeOnce(work));
  }

  /**
   * A transaction that may take long, and be done twice: where the connection is lost in its commit,
   * it is tried again, or rejects though it was done. A statement may take `limitMs`.
   */
  async repeat<T>(work: (query: Query) => Promise<T>, limitMs: number): Promise<T> {
    return await this.#again(() =>
      this.#onConnection(async (query) => {
        const begun = query("BEGIN");
        const [, result] = await orRollBack(query, Promise.all([begun, work(query)]));
        await query("COMMIT");
        return result;
      }, limitMs),
    );
  }

  /** Of one moment's state. */
  snapshot<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const once = async (query: Query) => {
      const begun = query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const [, result] = await orRollBack(query, Promise.all([begun, work(query)]));
      await query("COMMIT");
      return result;
    };
    return this.#again(() => this.#onConnection(once));
  }

  /** What is under way fails if it is not done soon. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const pools = this.#pools;
    this.#pools = null;
    await pools?.end();
  }

  get #limitMs(): number {
    return this.#options.statementMs + SLACK_MS;
  }

  /** Those to the server that takes writes now. */
  async #current(): Promise<PostgresPools> {
    this.#expectOpen();
    const primary = await this.#options.servers.primary();
    this.#expectOpen();
    const { parameters } = this;
    this.#pools ??= new PostgresPools(primary, { ...this.#options, parameters });
    return this.#pools;
  }

  #expectOpen(): void {
    if (this.#isClosed) throw postgresUnavailable("the store is closed");
  }

  /** What is under way over them fails soon. */
  #leave(pools = this.#pools): void {
    if (this.#pools === pools) this.#pools = null;
    void pools?.end();
  }

  /**
   * Of a server that has been started anew each connection tells by its next statement alone. One that
   * says nothing has been given up with all others, and where there is none to be had, another server
   * may have taken its place.
   */
  async #again<T>(attempt: () => Promise<T>): Promise<T> {
    const { connections } = this.#options;
    const left = { ended: connections, silent: 1, unreachable: 1, crossed: CROSSINGS };
    for (;;) {
      try {
        return await attempt();
      } catch (fault) {
        const isLast =
          (!isSessionEnded(fault) || left.ended-- === 0) &&
          (!isSilent(fault) || left.silent-- === 0) &&
          (!isUnreachable(fault) || left.unreachable-- === 0) &&
          (!isCrossed(fault) || left.crossed-- === 0);
        if (isLast) throw fault;
      }
    }
  }

  async #readOnce<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    const pools = await this.#current();
    return await this.#heeding(pools, run<Row>(pools.reads, sql, parameters), this.#limitMs);
  }

  async #writeOnce<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const mark = this.#marks.take();
    let committing: OpenCommit<T> | null = null;
    try {
      const result = await this.#onConnection(async (query) => {
        // Sent one behind the other, without waiting for their answers.
        const begun = Promise.all([query("BEGIN"), setMark(query, mark)]);
        const [, done] = await orRollBack(query, Promise.all([begun, work(query)]));
        committing = { result: done };
        await query("COMMIT");
        return done;
      });
      this.#marks.giveBack(mark);
      return result;
    } catch (fault) {
      if (!isConnectionLost(fault)) {
        this.#marks.giveBack(mark);
        throw fault;
      }
      const unanswered = committing as OpenCommit<T> | null;
      if (unanswered === null || !(await this.#wasCommitted(mark, fault))) throw fault;
      return unanswered.result;
    }
  }

  /** Throws AppError where that cannot be found out, whyever; `fault` is what came of its commit. */
  async #wasCommitted(mark: CommitMark, fault: unknown): Promise<boolean> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + OUTCOME_MS;
    let reason = fault;
    for (;;) {
      const leftMs = untilMs - clock.monotonicMs();
      if (this.#isClosed || leftMs <= 0) throw postgresUnavailable(UNKNOWN, reason);
      try {
        return await this.#onConnection(async (query) => {
          const begun = query("BEGIN");
          const [, found] = await orRollBack(query, Promise.all([begun, findMark(query, mark)]));
          await query("COMMIT");
          return found;
        }, leftMs);
      } catch (unanswered) {
        // A server that has just begun may have other reasons than that, such as too many clients.
        reason = unanswered;
      }
      await new Promise<void>((resolve) => clock.schedule(OUTCOME_PAUSE_MS, resolve));
    }
  }

  async #onConnection<T>(
    use: (query: Query) => Promise<T>,
    limitMs: number = this.#limitMs,
  ): Promise<T> {
    const pools = await this.#current();
    const connection = await this.#heeding(pools, reserved(pools.writes), this.#limitMs);
    let first: unknown;
    try {
      return await use(async <Row>(sql: string, parameters: readonly Parameter[] = []) => {
        try {
          this.#expectOpen();
          return await this.#heeding(pools, run<Row>(connection, sql, parameters), limitMs);
        } catch (fault) {
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

  /** What was asked over the pools, which say by it how they and their server are. */
  async #heeding<T>(pools: PostgresPools, asked: Promise<T>, limitMs: number): Promise<T> {
    try {
      return await within(this.#options.clock, limitMs, asked);
    } catch (thrown) {
      const fault = faultOf(thrown);
      if (isConnectionLost(fault) || isReadOnly(fault)) {
        this.#options.servers.doubt(pools.primary);
      }
      if (isSilent(fault)) this.#leave(pools);
      throw fault;
    }
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
