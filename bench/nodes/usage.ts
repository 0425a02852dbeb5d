import { RedisClient, SQL } from "bun";
import { cpuSecondsOf, cpuSecondsOfFamily, rssBytesOf } from "../load/server-usage.ts";
import { trafficSoFar } from "../load/web-socket.ts";
import type { InstallationTarget } from "./job.ts";
import { type Holdings, type Phase, type Usage, usageSchema } from "./samples.ts";

const SETTLING_LOOK_MS = 500;
/** Of a core, for each node: twice what it takes without users. */
const SETTLED_SHARE = 0.03;
const LONGEST_SETTLING_MS = 60_000;

export type PhaseOf = Pick<Phase, "work" | "size">;

/** What the work of a phase came to. */
export type PhaseWork = Pick<
  Phase,
  "seconds" | "count" | "deliveries" | "repeated" | "latencies" | "clientCpuSeconds"
>;

interface Reading {
  readonly usage: Usage;
  readonly holdings: Holdings;
}

/** Reads what the nodes of an installation, its Redis and its PostgreSQL use. */
export class UsageMeter implements AsyncDisposable {
  readonly #target: InstallationTarget;
  readonly #redis: RedisClient | null;
  readonly #postgres: SQL | null;

  constructor(target: InstallationTarget) {
    const { redis, postgres } = target;
    this.#target = target;
    this.#redis = redis === null ? null : new RedisClient(`redis://127.0.0.1:${redis.port}`);
    this.#postgres =
      postgres === null
        ? null
        : new SQL({
            ...{ adapter: "postgres", path: postgres.path, port: 5_432, max: 1 },
            ...{ username: postgres.username, database: postgres.database },
          });
  }

  async measure(of: PhaseOf, work: () => Promise<PhaseWork>): Promise<Phase> {
    const before = await this.#read();
    const done = await work();
    const after = await this.#read();
    return {
      ...of,
      ...done,
      used: difference(after.usage, before.usage),
      before: before.holdings,
      after: after.holdings,
    };
  }

  /** Resolves when the nodes have done what they put off while they were busy, as SQLite's search does. */
  async settled(): Promise<void> {
    const { nodes } = this.#target;
    const cpuSeconds = () => sum(nodes.map(({ pid }) => cpuSecondsOf(pid)));
    const enough = (nodes.length * SETTLED_SHARE * SETTLING_LOOK_MS) / 1_000;
    const startMs = performance.now();
    for (let before = cpuSeconds(); ; ) {
      await Bun.sleep(SETTLING_LOOK_MS);
      const now = cpuSeconds();
      if (now - before <= enough) return;
      if (performance.now() - startMs > LONGEST_SETTLING_MS) {
        throw new Error("The nodes have work to do though nobody asks for any");
      }
      before = now;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis?.close();
    await this.#postgres?.close();
  }

  async #read(): Promise<Reading> {
    const { nodes, redis, postgres } = this.#target;
    const [info, database] = [await this.#redisInfo(), await this.#database()];
    const traffic = trafficSoFar();
    return {
      usage: {
        nodesCpuSeconds: sum(nodes.map(({ pid }) => cpuSecondsOf(pid))),
        redisCpuSeconds: redis === null ? 0 : cpuSecondsOf(redis.pid),
        postgresCpuSeconds: postgres === null ? 0 : cpuSecondsOfFamily(postgres.pid),
        publishes: info(/^cmdstat_publish:calls=(\d+)/m),
        redisBytesIn: info(/^total_net_input_bytes:(\d+)/m),
        redisBytesOut: info(/^total_net_output_bytes:(\d+)/m),
        commits: database.commits,
        walBytes: database.wal,
        framesToUsers: traffic.framesIn,
        bytesToUsers: traffic.bytesIn,
        framesFromUsers: traffic.framesOut,
        bytesFromUsers: traffic.bytesOut,
      },
      holdings: {
        nodesRssBytes: sum(nodes.map(({ pid }) => rssBytesOf(pid))),
        redisBytes: info(/^used_memory:(\d+)/m),
        redisChannels: info(/^pubsub_channels:(\d+)/m),
        databaseBytes: database.size,
        databaseConnections: database.connections,
      },
    };
  }

  /** Reads a number of what Redis tells of itself; 0 without it. */
  async #redisInfo(): Promise<(pattern: RegExp) => number> {
    const info = this.#redis === null ? "" : String(await this.#redis.send("INFO", ["everything"]));
    return (pattern) => Number(pattern.exec(info)?.[1] ?? 0);
  }

  /** Transactions are counted by their ids: those that only read have none. */
  async #database(): Promise<Database> {
    if (this.#postgres === null) return { commits: 0, wal: 0, size: 0, connections: 0 };
    const [row] = await this.#postgres.unsafe(`
      SELECT pg_database_size(current_database()) AS size,
        pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal,
        pg_snapshot_xmax(pg_current_snapshot())::text AS commits,
        (SELECT count(*) - 1 FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend') AS connections`);
    return {
      commits: Number(row?.commits),
      wal: Number(row?.wal),
      size: Number(row?.size),
      connections: Number(row?.connections),
    };
  }
}

interface Database {
  readonly commits: number;
  readonly wal: number;
  readonly size: number;
  /** Without this one. */
  readonly connections: number;
}

function difference(after: Usage, before: Usage): Usage {
  const keys = usageSchema.keyof().options;
  return usageSchema.parse(Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
