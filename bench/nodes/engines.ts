import { SQL } from "bun";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { RedisServer } from "../../test/support/redis-server.ts";
import type { Children } from "../children.ts";
import { API_KEY, type ServerProcess, startParley } from "../load/server-process.ts";
import { pin } from "../machine.ts";
import type { InstallationTarget } from "./job.ts";
import type { Setup } from "./samples.ts";

/** Nodes and what they share. */
export interface Installation extends AsyncDisposable {
  readonly target: InstallationTarget;
  readonly nodes: readonly ServerProcess[];
}

/**
 * A PostgreSQL that syncs its commits to the disk and a Redis that keeps nothing, as their packages
 * set them up, on the servers' core; nodes of an installation share a database in it.
 */
export class Engines implements AsyncDisposable {
  readonly #postgres: PostgresServer;
  readonly #redis: RedisServer;
  readonly #admin: SQL;
  readonly #children: Children;
  #installations = 0;

  private constructor(postgres: PostgresServer, redis: RedisServer, children: Children) {
    this.#postgres = postgres;
    this.#redis = redis;
    this.#children = children;
    this.#admin = new SQL({ ...postgres.connection(), max: 1 });
    for (const { pid } of [postgres, redis]) pin(pid, "server");
  }

  /** Throws where one of them is not installed. */
  static async start(children: Children): Promise<Engines> {
    const postgres = await PostgresServer.start({ fsync: true });
    try {
      return new Engines(postgres, await RedisServer.start(), children);
    } catch (fault) {
      await postgres[Symbol.asyncDispose]();
      throw fault;
    }
  }

  /** Such as `17.5`, `8.0.2`. */
  async versions(): Promise<{ readonly postgres: string; readonly redis: string }> {
    const [row] = await this.#admin.unsafe("SHOW server_version");
    const info = await this.#redis.command("INFO", "server");
    return {
      postgres: String(row?.server_version).split(" ")[0] ?? "unknown",
      redis: /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown",
    };
  }

  /** Commits of one row in a second, for so many clients at once of which each waits for its own. */
  async commitsPerSecond(clients: number, seconds: number): Promise<number> {
    await this.#admin.unsafe("CREATE TABLE committed (at int)");
    const pool = new SQL({ ...this.#postgres.connection(), max: clients });
    let count = 0;
    const startMs = performance.now();
    const tookMs = () => performance.now() - startMs;
    const commit = async () => {
      for (; tookMs() < seconds * 1_000; count += 1) {
        await pool.unsafe("INSERT INTO committed VALUES (1)");
      }
    };
    await Promise.all(Array.from({ length: clients }, commit));
    const perSecond = (count * 1_000) / tookMs();
    await pool.close();
    await this.#admin.unsafe("DROP TABLE committed");
    return perSecond;
  }

  /** With an empty database, and without limits. @param start starts each of the nodes */
  async install(
    setup: Setup,
    count: number,
    settings: Readonly<Record<string, string>> = {},
    start = startParley,
  ): Promise<Installation> {
    const name = `bench_${++this.#installations}`;
    // None comes by itself, then, while something is measured: what changes after it is logged page by page.
    await this.#admin.unsafe("CHECKPOINT");
    if (setup !== "SQLite") await this.#admin.unsafe(`CREATE DATABASE ${name}`);
    const env = {
      ...(setup === "SQLite" ? {} : { PARLEY_DATABASE_URL: this.#postgres.url(name) }),
      ...(setup === "PostgreSQL and Redis"
        ? { PARLEY_BACKPLANE: "redis", PARLEY_REDIS_URL: this.#redis.url }
        : {}),
      ...settings,
    };
    const nodes: ServerProcess[] = [];
    const stop = async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      if (setup !== "SQLite") await this.#admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
    };
    try {
      for (let index = 0; index < count; index += 1) {
        nodes.push(await start(this.#children, { env }));
      }
    } catch (fault) {
      await stop();
      throw fault;
    }
    return { nodes, target: this.#target(nodes, setup, name), [Symbol.asyncDispose]: stop };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close();
    await this.#redis[Symbol.asyncDispose]();
    await this.#postgres[Symbol.asyncDispose]();
  }

  #target(nodes: readonly ServerProcess[], setup: Setup, name: string): InstallationTarget {
    const { pid, port } = this.#redis;
    const { path = "", username = "" } = this.#postgres.connection(name);
    return {
      nodes: nodes.map((node) => ({ port: node.port, pid: node.pid })),
      apiKey: API_KEY,
      redis: setup === "PostgreSQL and Redis" ? { pid, port } : null,
      postgres:
        setup === "SQLite"
          ? null
          : { pid: this.#postgres.pid, path, username: String(username), database: name },
    };
  }
}
