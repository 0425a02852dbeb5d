import type { ReservedSQL, SQL } from "bun";
import type { Leadership } from "../chat/leadership.ts";
import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { connectionsTo, endConnections, within } from "./postgres-connections.ts";
import { faultOf, isSilent, PostgresFault } from "./postgres-errors.ts";
import type { PostgresPrimary, PostgresServers } from "./postgres-servers.ts";

/** Of the locks that nodes hold, beside the one of postgres-opening.ts. */
const SERVING = 0x7061726d;
const LEADING = 0x7061726e;

/** How often a session is used, and one that does not lead asks whether it may. */
const BEAT_MS = 1_000;
/** A session that does not answer within it counts as lost; the server takes longer to give it up. */
const SILENCE_MS = 3_000;
const CONNECT_SECONDS = 3;
const CLOSE_SECONDS = 1;
/** From a loss to the next attempt. */
const RETRY_MS = 250;
/** A server that has just ended may hold its locks for so long. */
const START_PATIENCE_MS = 2_000;
const NODE = "parley node";
const MIGRATION = "parley migrate";

/** So long others may hold what this node has lost, before it is said to be theirs. */
const PATIENCE_MS = 5_000;

export interface PostgresNodeSessionOptions {
  readonly servers: PostgresServers;
  /**
   * One node has the schema for itself, or several share it; `parley migrate` fills it, as long as
   * nobody serves it.
   */
  readonly serving: "alone" | "shared" | "migrating";
  readonly clock: Clock;
  readonly log?: Log | undefined;
  /** While the session was lost, another server took the database, which will not share it. */
  readonly onTaken: (error: AppError) => void;
}

interface Session {
  readonly primary: PostgresPrimary;
  readonly sql: SQL;
  readonly connection: ReservedSQL;
  readonly pid: number;
  /** With the pid it is one session's alone, over restarts of the server too. */
  readonly startedAt: string;
}

interface SessionRow {
  readonly pid: number;
  readonly startedAt: string;
}

interface HolderRow {
  /** What its session is called; null: it is another account's. */
  readonly name: string | null;
}

/**
 * A node's own session with PostgreSQL, which holds advisory locks for as long as it is there: that the
 * node serves the schema, which nodes that share it hold together and one that does not holds alone,
 * and that it leads. When the node ends, however it ends, its locks end with it. A session that is
 * lost is made anew, with the server that takes writes by then; until then the node does not lead.
 */
export class PostgresNodeSession implements Leadership {
  readonly #options: PostgresNodeSessionOptions;
  readonly #listeners: (() => void)[] = [];
  #session: Session | null = null;
  /** The last one that was lost: the server may not know yet. */
  #lost: Pick<Session, "pid" | "startedAt"> | null = null;
  /** The session that was in the way of the last attempt. */
  #holder: string | null = null;
  /** Since when others hold what was lost. */
  #takenSinceMs: number | null = null;
  /** See `Leadership`. */
  #isSeeking = false;
  #isLeader = false;
  #isClosed = false;
  #timer: Timer | null = null;

  private constructor(options: PostgresNodeSessionOptions) {
    this.#options = options;
    options.servers.onMoved(() => {
      if (this.#session !== null) this.#closed(this.#session);
    });
  }

  /**
   * Resolves when the node may serve. Rejects with AppError INVALID_CONFIGURATION when another server
   * holds the schema and one of the two will not share it; with PostgresFault.
   */
  static async open(options: PostgresNodeSessionOptions): Promise<PostgresNodeSession> {
    const opened = new PostgresNodeSession(options);
    const { clock } = options;
    const untilMs = clock.monotonicMs() + START_PATIENCE_MS;
    try {
      while (!(await opened.#take())) {
        if (clock.monotonicMs() >= untilMs) throw opened.#heldByAnother();
        await new Promise<void>((resolve) => clock.schedule(RETRY_MS, resolve));
      }
      return opened;
    } catch (fault) {
      await opened.close();
      throw fault;
    }
  }

  /** Of its session as PostgreSQL knows it; 0: it is lost. */
  get pid(): number {
    return this.#session?.pid ?? 0;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async seek(): Promise<void> {
    this.#isSeeking = true;
    const session = this.#session;
    if (session === null) return; // The next one asks.
    try {
      await this.#seekLead(session);
    } catch (thrown) {
      this.#closed(session, faultOf(thrown));
    }
  }

  /** Its locks are free then. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const session = this.#session;
    this.#session = null;
    this.#lead(false);
    if (session !== null) await this.#end(session.sql);
  }

  /** Whether the node serves from now on. Rejects with PostgresFault. */
  async #take(): Promise<boolean> {
    const { servers, clock } = this.#options;
    const primary = await servers.primary();
    const sql = this.#connect(primary);
    try {
      const session = await this.#within(this.#begun(primary, sql));
      if (await this.#locked(session, SERVING)) {
        this.#session = session;
        if (this.#isSeeking) await this.#seekLead(session);
        if (this.#session !== session) throw sessionLost();
        this.#timer = clock.schedule(BEAT_MS, () => void this.#beat(session));
        return true;
      }
      this.#holder = await this.#within(this.#holderOf(session));
      await this.#end(sql);
      return false;
    } catch (thrown) {
      this.#session = null;
      this.#lead(false);
      void this.#end(sql);
      servers.doubt(primary);
      throw faultOf(thrown);
    }
  }

  #connect({ host }: PostgresPrimary): SQL {
    const sql: SQL = connectionsTo(host, {
      ...{ max: 1, connectSeconds: CONNECT_SECONDS },
      parameters: {
        application_name: this.#options.serving === "migrating" ? MIGRATION : NODE,
        statement_timeout: String(SILENCE_MS),
        // The locks of a machine that has gone without a word are free soon.
        ...{ tcp_keepalives_idle: "5", tcp_keepalives_interval: "5", tcp_keepalives_count: "2" },
      },
      onClose: () => {
        if (this.#session?.sql === sql) this.#closed(this.#session);
      },
    });
    return sql;
  }

  async #begun(primary: PostgresPrimary, sql: SQL): Promise<Session> {
    const connection = await sql.reserve();
    const [row]: SessionRow[] = await connection.unsafe(`
      SELECT pg_backend_pid() AS pid, backend_start::text AS "startedAt"
      FROM pg_stat_activity WHERE pid = pg_backend_pid()`);
    if (row === undefined) throw sessionLost();
    const lost = this.#lost;
    // One that this node has given up, and the server has not: its locks are to be had.
    if (lost !== null) {
      await connection.unsafe(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE pid = $1::integer AND backend_start = $2::text::timestamptz`,
        [lost.pid, lost.startedAt],
      );
    }
    return { primary, sql, connection, pid: row.pid, startedAt: row.startedAt };
  }

  async #locked({ connection }: Session, lock: number): Promise<boolean> {
    const { serving, servers } = this.#options;
    const isShared = lock === SERVING && serving === "shared";
    const take = isShared ? "pg_try_advisory_lock_shared" : "pg_try_advisory_lock";
    const asked = connection.unsafe(`SELECT ${take}($1::integer, hashtext($2::text)) AS "isHeld"`, [
      lock,
      servers.target.schema,
    ]);
    const [row]: { isHeld: boolean }[] = await this.#within(asked);
    return row?.isHeld === true;
  }

  async #holderOf({ connection }: Session): Promise<string | null> {
    const [row]: HolderRow[] = await connection.unsafe(
      `SELECT application_name AS name FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE locktype = 'advisory' AND granted AND datname = current_database()
         AND classid = $1::integer AND objid::bigint = hashtext($2::text)::bigint & 4294967295`,
      [SERVING, this.#options.servers.target.schema],
    );
    return row?.name ?? null;
  }

  /** Who has the schema for itself leads; of those who share it, the one who holds that lock. */
  async #seekLead(session: Session): Promise<void> {
    const isLeader = this.#options.serving !== "shared" || (await this.#locked(session, LEADING));
    if (this.#session === session) this.#lead(isLeader);
  }

  async #beat(session: Session): Promise<void> {
    try {
      if (this.#isSeeking && !this.#isLeader) await this.#seekLead(session);
      else await this.#within(session.connection.unsafe("SELECT 1"));
    } catch (thrown) {
      this.#closed(session, faultOf(thrown));
    }
    if (this.#session !== session) return;
    this.#timer = this.#options.clock.schedule(BEAT_MS, () => void this.#beat(session));
  }

  #closed(session: Session, fault?: unknown): void {
    if (session !== this.#session) return;
    const { servers, log } = this.#options;
    this.#session = null;
    this.#lost = session;
    // A session that is used each second is the first to notice that nothing comes through any more.
    if (isSilent(fault)) servers.giveUp(session.primary);
    else servers.doubt(session.primary);
    this.#lead(false);
    log?.warn({ database: servers.target.name }, "The node's session is lost");
    void this.#end(session.sql);
    this.#retakeSoon();
  }

  #retakeSoon(): void {
    this.#timer?.cancel();
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.schedule(RETRY_MS, () => void this.#retake());
  }

  async #retake(): Promise<void> {
    const { clock, servers, log, onTaken } = this.#options;
    try {
      if (await this.#take()) {
        if (this.#isClosed) return await this.close();
        this.#takenSinceMs = null;
        this.#lost = null;
        const database = servers.target.name;
        log?.info(
          { database, server: this.#session?.primary.host.name },
          "The node's session is there again",
        );
        return;
      }
      this.#takenSinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - this.#takenSinceMs >= PATIENCE_MS) {
        if (!this.#isClosed) onTaken(this.#heldByAnother());
        return;
      }
    } catch {
      // That the server is away is told of by those who read and write.
      this.#takenSinceMs = null;
    }
    this.#retakeSoon();
  }

  #lead(isLeader: boolean): void {
    if (this.#isLeader === isLeader) return;
    this.#isLeader = isLeader;
    const { log, serving } = this.#options;
    if (serving === "shared") {
      log?.info({}, isLeader ? "This node leads" : "This node does not lead any more");
    }
    for (const listener of this.#listeners) listener();
  }

  #heldByAnother(): AppError {
    const { name, schema } = this.#options.servers.target;
    const what = heldBy(this.#holder, this.#options.serving);
    return new AppError("INVALID_CONFIGURATION", `the schema ${schema} of ${name} ${what}`);
  }

  #within<T>(asked: Promise<T>): Promise<T> {
    return within(this.#options.clock, SILENCE_MS, asked);
  }

  #end(sql: SQL): Promise<void> {
    return endConnections(sql, this.#options.clock, CLOSE_SECONDS);
  }
}

function heldBy(holder: string | null, wanted: PostgresNodeSessionOptions["serving"]): string {
  if (holder === MIGRATION) return "is being filled by parley migrate, which runs: let it finish";
  switch (wanted) {
    case "alone":
      return "is served by another Parley: stop it, or make both nodes of one installation by a shared backplane";
    case "shared":
      return "is served by another Parley with the backplane local: stop it, or give it the backplane of this one";
    case "migrating":
      return "is served by a Parley that runs: stop it first";
  }
}

function sessionLost(): PostgresFault {
  return new PostgresFault("silent", "PostgreSQL does not answer");
}
