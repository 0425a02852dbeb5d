import { SQL } from "bun";
import { newCertificate } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { PostgresServer } from "../../support/postgres-server.ts";
import { RedisServer } from "../../support/redis-server.ts";
import type { PrivateNetwork } from "../faults/private-network.ts";

const PASSWORD = "secret word";

/** Where a node finds what it shares with the others. */
export interface ServiceUrls {
  readonly database: string;
  readonly redis: string;
}

/** A PostgreSQL and a Redis, but for what the row has brought. */
export class Services implements AsyncDisposable {
  readonly #postgres: PostgresServer | null;
  readonly #redis: RedisServer | null;
  readonly #databasePort: number;
  readonly #brought: Partial<ServiceUrls>;

  private constructor(
    postgres: PostgresServer | null,
    redis: RedisServer | null,
    { databasePort = 0, brought = {} }: { databasePort?: number; brought?: Partial<ServiceUrls> },
  ) {
    this.#postgres = postgres;
    this.#redis = redis;
    this.#databasePort = databasePort;
    this.#brought = brought;
  }

  /** `brought` are not started, and are the row's to end. */
  static async start(brought: Partial<ServiceUrls> = {}): Promise<Services> {
    const postgres =
      brought.database === undefined ? await PostgresServer.start({ fsync: true }) : null;
    const redis = brought.redis === undefined ? await RedisServer.start() : null;
    return new Services(postgres, redis, { brought });
  }

  /** Both are reachable from the network too. */
  static async startFor(network: PrivateNetwork): Promise<Services> {
    const { backEndAddress: address, backEndClients: clients } = network;
    const port = await freePort();
    const tcp = { port, pair: newCertificate("postgres"), network: { address, clients } };
    const postgres = await PostgresServer.start({ fsync: true, tcp });
    const admin = new SQL({ ...postgres.connection(), max: 1 });
    await admin.unsafe(`ALTER ROLE parley PASSWORD '${PASSWORD}'`);
    await admin.close({ timeout: 1 });
    const flags = ["--bind", "127.0.0.1", address, "--protected-mode", "no"];
    return new Services(postgres, await RedisServer.start(...flags), { databasePort: port });
  }

  /** Throws where the row has brought its own. */
  get postgres(): PostgresServer {
    if (this.#postgres === null) throw new TypeError("the PostgreSQL is the row's own");
    return this.#postgres;
  }

  /** Throws where the row has brought its own. */
  get redis(): RedisServer {
    if (this.#redis === null) throw new TypeError("the Redis is the row's own");
    return this.#redis;
  }

  /** For a node of the host. */
  get urls(): ServiceUrls {
    const { database = this.postgres.url(), redis = this.redis.url } = this.#brought;
    return { database, redis };
  }

  /** For a node of the network. */
  urlsIn({ backEndAddress }: PrivateNetwork): ServiceUrls {
    const password = encodeURIComponent(PASSWORD);
    return {
      database: `postgres://parley:${password}@${backEndAddress}:${this.#databasePort}/postgres`,
      redis: `redis://${backEndAddress}:${this.redis.port}`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis?.[Symbol.asyncDispose]();
    await this.#postgres?.[Symbol.asyncDispose]();
  }
}
