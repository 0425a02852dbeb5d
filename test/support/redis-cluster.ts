import { nodePort } from "./node-port.ts";
import { RedisServer } from "./redis-server.ts";

/** A real Redis Cluster on loopback. */
export class RedisCluster implements AsyncDisposable {
  private constructor(readonly servers: readonly RedisServer[]) {}

  /** Resolves when all slots are served. */
  static async start(
    servers: number,
    replicas = 0,
    more: readonly string[] = [],
  ): Promise<RedisCluster> {
    const started: RedisServer[] = [];
    for (let count = 0; count < servers; count += 1) {
      const busPort = String(await nodePort());
      const flags = ["--cluster-enabled", "yes", "--cluster-port", busPort];
      // A replica is one at once, and takes over soon.
      const timing = ["--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"];
      started.push(await RedisServer.start(...flags, ...timing, ...more));
    }
    const cluster = new RedisCluster(started);
    const [first] = started;
    const addresses = started.map(({ port }) => `127.0.0.1:${port}`);
    await first?.command(
      ...["--cluster", "create", ...addresses, "--cluster-yes"],
      ...["--cluster-replicas", String(replicas)],
    );
    await cluster.until(async () => (await cluster.states()).every((state) => state === "ok"));
    for (const server of started) {
      await cluster.until(async () => !(await server.command("ROLE")).includes("sync"));
      await cluster.until(async () => !(await server.command("ROLE")).includes("connect\n"));
    }
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

  /** One of the masters. */
  async master(): Promise<RedisServer> {
    for (const server of this.servers) {
      if ((await server.command("ROLE")).startsWith("master")) return server;
    }
    throw new Error("there is no master");
  }

  /** Gives a slot to another master than the one that has it; there are no keys in it. */
  async move(slot: number): Promise<void> {
    const ids = await Promise.all(this.servers.map((server) => server.command("CLUSTER", "MYID")));
    const source = ids.indexOf(await this.#ownerOf(slot));
    const target = ids.findIndex((_, index) => index !== source);
    const say = (index: number, ...words: readonly string[]) =>
      this.servers[index]?.command("CLUSTER", "SETSLOT", String(slot), ...words);
    // Without these two steps the new owner has no later epoch, and what servers tell each other may
    // give the slot back to the old one.
    await say(target, "IMPORTING", ids[source] ?? "");
    await say(source, "MIGRATING", ids[target] ?? "");
    // The new one first, so that the slot is somebody's all the time.
    await say(target, "NODE", ids[target] ?? "");
    for (const index of ids.keys()) await say(index, "NODE", ids[target] ?? "");
  }

  /** The id of the master that has the slot. */
  async #ownerOf(slot: number): Promise<string> {
    const lines = (await this.servers[0]?.command("CLUSTER", "NODES"))?.split("\n") ?? [];
    const owner = lines
      .map((line) => line.trim().split(" "))
      .find((parts) =>
        parts.slice(8).some((range) => {
          const [from = Number.NaN, to = from] = range.split("-").map(Number);
          return slot >= from && slot <= to;
        }),
      );
    return owner?.[0] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
  }
}
