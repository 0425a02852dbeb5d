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

/** A PostgreSQL and a Redis of the row's own. */
export class Services implements AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly #databasePort: number;

  private constructor(postgres: PostgresServer, redis: RedisServer, databasePort: number) {
    this.postgres = postgres;
    this.redis = redis;
    this.#databasePort = databasePort;
  }

  /** Reachable from the network too, if there is one. */
  static async start(network?: PrivateNetwork): Promise<Services> {
    if (network === undefined) {
      const postgres = await PostgresServer.start({ fsync: true });
      return new Services(postgres, await RedisServer.start(), 0);
    }
    const { backEndAddress: address, backEndClients: clients } = network;
    const port = await freePort();
    const tcp = { port, pair: newCertificate("postgres"), network: { address, clients } };
    const postgres = await PostgresServer.start({ fsync: true, tcp });
    const admin = new SQL({ ...postgres.connection(), max: 1 });
    await admin.unsafe(`ALTER ROLE parley PASSWORD '${PASSWORD}'`);
    await admin.close({ timeout: 1 });
    const flags = ["--bind", "127.0.0.1", address, "--protected-mode", "no"];
    return new Services(postgres, await RedisServer.start(...flags), port);
  }

  /** For a node of the host. */
  get urls(): ServiceUrls {
    return { database: this.postgres.url(), redis: this.redis.url };
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
    await this.redis[Symbol.asyncDispose]();
    await this.postgres[Symbol.asyncDispose]();
  }
}
