import type { SQL } from "bun";
import type { Clock } from "../clock.ts";
import { connectionsTo, endConnections } from "./postgres-connections.ts";
import type { PostgresPrimary } from "./postgres-servers.ts";

export interface PostgresPoolsOptions {
  readonly clock: Clock;
  /** Of all together, at least 4. */
  readonly connections: number;
  /** What each session begins with. */
  readonly parameters: SessionParameters;
}

/** By PostgreSQL's names. */
export type SessionParameters = Readonly<Record<string, string>>;

export interface SessionOptions {
  readonly applicationName: string;
  readonly schema: string;
  /** How long a statement may take. */
  readonly statementMs: number;
  /** How long it may wait for a lock. */
  readonly lockMs: number;
  /** How long a transaction may be without a statement. */
  readonly idleMs: number;
}

const CONNECT_SECONDS = 5;
const CLOSE_SECONDS = 2;

/** Connections to one server; reads and writes have their own, so that neither waits for the other. */
export class PostgresPools {
  readonly reads: SQL;
  readonly writes: SQL;
  readonly #clock: Clock;

  constructor(
    readonly primary: PostgresPrimary,
    { clock, connections, parameters }: PostgresPoolsOptions,
  ) {
    this.#clock = clock;
    const writers = Math.max(2, Math.min(4, Math.floor(connections / 3)));
    const readers = Math.max(2, connections - writers);
    const pool = (max: number) =>
      connectionsTo(primary.host, { max, parameters, connectSeconds: CONNECT_SECONDS });
    this.reads = pool(readers);
    this.writes = pool(writers);
  }

  /** What is under way fails if it is not done soon. */
  async end(): Promise<void> {
    const all = [this.reads, this.writes];
    await Promise.all(all.map((sql) => endConnections(sql, this.#clock, CLOSE_SECONDS)));
  }
}

export function sessionParameters(options: SessionOptions): SessionParameters {
  return {
    application_name: options.applicationName,
    search_path: options.schema,
    statement_timeout: String(options.statementMs),
    lock_timeout: String(options.lockMs),
    idle_in_transaction_session_timeout: String(options.idleMs),
    default_transaction_isolation: "read committed",
    jit: "off",
    // Every statement is one of few rows by an index. A plan that is made while tables are small
    // goes through them, and would be kept while they grow.
    ...{ enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" },
  };
}
