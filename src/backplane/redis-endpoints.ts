import type { Clock } from "../clock.ts";
import type { RedisEndpoint, RedisTarget } from "../config/redis-url.ts";
import { Deadline } from "../deadline.ts";
import { newRedisClient, type RedisClient, type RedisClientOptions } from "./redis-client.ts";

export interface RedisEndpointsOptions {
  readonly target: RedisTarget;
  readonly name: string;
  readonly connectMs: number;
  readonly clock: Clock;
}

/** Makes clients for where Redis is now; each attempt begins with the endpoint behind the last one. */
export class RedisEndpoints {
  readonly #options: RedisEndpointsOptions;
  #next = 0;
  /** Where the last client connects to. */
  #current: RedisEndpoint = { path: "" };

  constructor(options: RedisEndpointsOptions) {
    this.#options = options;
  }

  /** Of the last client; "" for a path. */
  get host(): string {
    return "host" in this.#current ? this.#current.host : "";
  }

  /** A client that is not connected yet. Rejects when the Sentinel that is asked knows no master. */
  async client(role: string): Promise<RedisClient> {
    const { target } = this.#options;
    const endpoint = this.#turn();
    const found = target.kind === "sentinel" ? await this.#masterBy(endpoint) : endpoint;
    this.#current = found;
    const { isTls, username, password, database } = target;
    return this.#client(found, role, { isTls, username, password, database, protocol: 2 });
  }

  /** Before anything else. Rejects where the server is not the one that messages go through. */
  async check(client: RedisClient): Promise<void> {
    const { kind } = this.#options.target;
    if (kind === "cluster") await assertInCluster(client);
    if (kind !== "sentinel") return;
    // A Sentinel may know of a failover later than the master that was.
    const [role] = (await client.sendCommand(["ROLE"])) as unknown as [string];
    if (role !== "master") throw new Error(`the server is no master, but ${role}`);
  }

  /**
   * Now and then. Rejects when there is no answer, or the server, which answers, does not reach who
   * else is there: it was cut off, and others have gone over to another one.
   */
  async probe(client: RedisClient): Promise<void> {
    const { kind } = this.#options.target;
    if (kind === "cluster") await assertInCluster(client);
    else await client.sendCommand(["PING"]);
    if (kind === "sentinel") await this.#assertStillMaster();
  }

  async #assertStillMaster(): Promise<void> {
    // A Sentinel that is away, or slow, says nothing about the master.
    let master = this.#current;
    const { clock, connectMs } = this.#options;
    const asked = this.#masterBy(this.#turn()).then(
      (found) => {
        master = found;
      },
      () => {},
    );
    await new Deadline(clock, connectMs / 2).allows(asked);
    if (nameOf(master) !== nameOf(this.#current)) {
      throw new Error(`the master is ${nameOf(master)} now`);
    }
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
    const access = { isTls, username, password, database: 0, protocol: 2 } as const;
    const client = this.#client(sentinel, "asks", access);
    client.on("error", () => {}); // It rejects too.
    const timer = this.#options.clock.schedule(this.#options.connectMs, () => client.destroy());
    try {
      await client.connect();
      const command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master];
      const address = (await client.sendCommand(command)) as unknown as [string, string] | null;
      if (address === null) throw new Error(`the Sentinel knows no master ${master}`);
      return { host: address[0], port: Number(address[1]) };
    } finally {
      timer.cancel();
      client.destroy();
    }
  }

  #client(
    endpoint: RedisEndpoint,
    role: string,
    access: Omit<RedisClientOptions, "endpoint" | "name" | "connectMs">,
  ): RedisClient {
    const { name, connectMs } = this.#options;
    return newRedisClient({ endpoint, ...access, name: `${name}:${role}`, connectMs });
  }
}

/** A node of a Cluster that reaches fewer than half of the masters hears little of what is published. */
async function assertInCluster(client: RedisClient): Promise<void> {
  const nodes = String(await client.sendCommand(["CLUSTER", "NODES"]));
  // Id, address, flags, master, ping, pong, epoch, link, and slots [https://redis.io/commands/cluster-nodes].
  const masters = nodes
    .split("\n")
    .map((line) => line.trim().split(" "))
    .filter(([, , flags = "", , , , , , slots]) => flags.includes("master") && slots !== undefined);
  const reached = masters.filter(([, , flags = ""]) => !flags.includes("fail"));
  if (2 * reached.length > masters.length) return;
  throw new Error("the server is cut off from most of its cluster");
}

function nameOf(endpoint: RedisEndpoint): string {
  return "path" in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
}
