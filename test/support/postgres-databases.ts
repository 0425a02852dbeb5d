import { SQL } from "bun";
import { openPostgresStorage, type PostgresStorageOptions } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { PostgresServer } from "./postgres-server.ts";

const SHARED = "shared";

/** Of all tables that Parley keeps something in, all rows. */
const EMPTY = `
  DO $$ DECLARE named text; BEGIN
    FOR named IN SELECT tablename FROM pg_tables
      WHERE schemaname = 'parley' AND tablename <> 'schema_version'
    LOOP EXECUTE format('DELETE FROM parley.%I', named); END LOOP;
  END $$`;

/** The server of this test run, and databases in it. */
export class PostgresDatabases {
  readonly #admin: SQL;
  #made = 0;
  #shared: SQL | undefined;

  private constructor(readonly server: PostgresServer) {
    this.#admin = new SQL({ ...server.connection(), max: 1 });
  }

  static async start(): Promise<PostgresDatabases> {
    return new PostgresDatabases(await PostgresServer.start());
  }

  /**
   * A storage without anything in it, of the database that such storages have in common: to make one
   * for each takes the better part of a second. The one before it must be closed.
   */
  async open(options: Partial<PostgresStorageOptions> = {}): Promise<Storage> {
    if (this.#shared === undefined) {
      await this.#admin.unsafe(`CREATE DATABASE ${SHARED}`);
      this.#shared = new SQL({ ...this.server.connection(SHARED), max: 1 });
    } else {
      await this.#shared.unsafe(EMPTY);
    }
    return await openPostgresStorage({ url: this.sharedUrl, ...options });
  }

  /** Of the database of what `open` opened. */
  get sharedUrl(): string {
    return this.server.url(SHARED);
  }

  get sharedName(): string {
    return SHARED;
  }

  /** A new database, in which there is nothing; its URL. */
  async make(options = ""): Promise<string> {
    this.#made += 1;
    await this.#admin.unsafe(`CREATE DATABASE test_${this.#made} ${options}`);
    return this.server.url(`test_${this.#made}`);
  }
}

let databases: Promise<PostgresDatabases> | undefined;

/** Started by the first test that needs it; ends with the process. */
export function postgresDatabases(): Promise<PostgresDatabases> {
  databases ??= PostgresDatabases.start();
  return databases;
}
