import { freePort } from "./free-port.ts";
import { RedisServer } from "./redis-server.ts";

/** A real Redis Cluster on loopback. */
export class RedisCluster implements AsyncDisposable {
  private constructor(readonly servers: readonly RedisServer[]) {}

  /** Resolves when all slots are served. */
  static async start(servers: number, replicas = 0): Promise<RedisCluster> {
    const started: RedisServer[] = [];
    for (let count = 0; count < servers; count += 1) {
      const busPort = String(await freePort());
      const flags = ["--cluster-enabled", "yes", "--cluster-port", busPort];
      started.push(await RedisServer.start(...flags, "--cluster-node-timeout", "1000"));
    }
    const cluster = new RedisCluster(started);
    const [first] = started;
    const addresses = started.map(({ port }) => `127.0.0.1:${port}`);
    await first?.command(
      ...["--cluster", "create", ...addresses, "--cluster-yes"],
      ...["--cluster-replicas", String(replicas)],
    );
    await cluster.until(async () => (await cluster.states()).every((state) => state === "ok"));
    return cluster;
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join()}`;
  }

  async until(isReached: () => Promise<boolean>): Promise<void> {
    const late = AbortSignal.timeout(40_000);
    while (!(await isReached())) {
      if (late.aborted) throw new Error("waited in vain for the cluster");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What each server that runs says of the cluster. */
  async states(): Promise<string[]> {
    const states: string[] = [];
    for (const server of this.servers.filter(({ isRunning }) => isRunning)) {
      const info = await server.command("CLUSTER", "INFO");
      states.push(/cluster_state:(\w+)/.exec(info)?.[1] ?? "none");
    }
    return states;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
  }
}
