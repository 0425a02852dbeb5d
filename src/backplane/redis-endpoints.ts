import type { RedisEndpoint, RedisTarget } from "../config/redis-url.ts";
import { newRedisClient, type RedisClient } from "./redis-client.ts";

export interface RedisEndpointsOptions {
  readonly target: RedisTarget;
  readonly name: string;
  readonly connectMs: number;
}

/** Makes clients for where Redis is now; each attempt begins with the endpoint behind the last one. */
export class RedisEndpoints {
  readonly #options: RedisEndpointsOptions;
  #next = 0;

  constructor(options: RedisEndpointsOptions) {
    this.#options = options;
  }

  /** A client that is not connected yet. Rejects when no Sentinel of those asked knows the master. */
  async client(role: string): Promise<RedisClient> {
    const { target } = this.#options;
    const endpoint = this.#turn();
    const found = target.kind === "sentinel" ? await this.#masterBy(endpoint) : endpoint;
    const { isTls, username, password, database } = target;
    return this.#client(found, role, { isTls, username, password, database });
  }

  /**
   * Rejects where the server is not, or no longer, the one that messages go through: a Sentinel may
   * know of a failover later than the master that was.
   */
  async check(client: RedisClient): Promise<void> {
    if (this.#options.target.kind !== "sentinel") return;
    const [role] = (await client.sendCommand(["ROLE"])) as unknown as [string];
    if (role !== "master") throw new Error(`the server is no master, but ${role}`);
  }

  #turn(): RedisEndpoint {
    const { endpoints } = this.#options.target;
    const endpoint = endpoints[this.#next % endpoints.length];
    this.#next += 1;
    if (endpoint === undefined) throw new TypeError("no endpoint");
    return endpoint;
  }

  async #masterBy(sentinel: RedisEndpoint): Promise<RedisEndpoint> {
    const { target } = this.#options;
    const { isTls, master, sentinelUsername: username, sentinelPassword: password } = target;
    const client = this.#client(sentinel, "asks", { isTls, username, password, database: 0 });
    client.on("error", () => {}); // It rejects too.
    try {
      await client.connect();
      const command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master];
      const address = (await client.sendCommand(command)) as unknown as [string, string] | null;
      if (address === null) throw new Error(`the Sentinel knows no master ${master}`);
      return { host: address[0], port: Number(address[1]) };
    } finally {
      client.destroy();
    }
  }

  #client(
    endpoint: RedisEndpoint,
    role: string,
    access: Pick<RedisTarget, "isTls" | "username" | "password" | "database">,
  ): RedisClient {
    const { name, connectMs } = this.#options;
    return newRedisClient({ endpoint, ...access, name: `${name}:${role}`, connectMs });
  }
}
