import { RedisServer, SENTINEL_OPTIONS } from "./redis-server.ts";

/** What the Sentinel calls the master, whichever that is. */
const NAME = "parley-master";
const LOOK_EVERY_MS = 50;
/** More than the Sentinel takes for an election that has to be held again. */
const PATIENCE_MS = 40_000;

/** A Redis, its replica, and a Sentinel that has the one take the other's place. */
export class WatchedRedis implements AsyncDisposable {
  readonly sentinel: RedisServer;
  #master: RedisServer;
  #replica: RedisServer;

  private constructor(master: RedisServer, replica: RedisServer, sentinel: RedisServer) {
    this.sentinel = sentinel;
    this.#master = master;
    this.#replica = replica;
  }

  /** The replica has what the master has, and the Sentinel knows of it. */
  static async start(): Promise<WatchedRedis> {
    const master = await RedisServer.start("--repl-diskless-sync-delay", "0");
    const following = ["--replicaof", "127.0.0.1", String(master.port)];
    const replica = await RedisServer.start("--repl-diskless-sync-delay", "0", ...following);
    await until(async () => (await roleOf(replica)) === "slave connected");
    const sentinel = await RedisServer.sentinel(master, NAME);
    const watched = new WatchedRedis(master, replica, sentinel);
    await watched.#untilReplicaIsKnown();
    return watched;
  }

  /** By way of the Sentinel, which knows no other master; the first one of the list is not there. */
  urlOf(master = NAME): string {
    return `redis+sentinel://127.0.0.1:1,127.0.0.1:${this.sentinel.port}/${master}`;
  }

  get master(): RedisServer {
    return this.#master;
  }

  get replica(): RedisServer {
    return this.#replica;
  }

  /** The master does not answer any more; resolves when the Sentinel names the other one. */
  async failedOver(): Promise<void> {
    const port = String(this.#replica.port);
    const named = () => this.sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
    await until(async () => (await named()).endsWith(port));
    [this.#master, this.#replica] = [this.#replica, this.#master];
  }

  /**
   * The replica, which was the master and takes itself for that, answers again: makes it follow, and
   * resolves when it may take the other one's place. A Sentinel would see to it by itself, but looks at
   * replicas every ten seconds: it begins anew with what there is now.
   */
  async rejoin(): Promise<void> {
    const port = String(this.#master.port);
    await this.#replica.command("REPLICAOF", "127.0.0.1", port);
    await until(async () => (await roleOf(this.#replica)) === "slave connected");
    await this.sentinel.command("SENTINEL", "REMOVE", NAME);
    await this.sentinel.command("SENTINEL", "MONITOR", NAME, "127.0.0.1", port, "1");
    for (const [option, milliseconds] of Object.entries(SENTINEL_OPTIONS)) {
      await this.sentinel.command("SENTINEL", "SET", NAME, option, milliseconds);
    }
    await this.#untilReplicaIsKnown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.sentinel, this.#replica, this.#master]) {
      await server[Symbol.asyncDispose]();
    }
  }

  async #untilReplicaIsKnown(): Promise<void> {
    const known = async () => {
      const lines = (await this.sentinel.command("SENTINEL", "REPLICAS", NAME)).split("\n");
      const told = (name: string) => lines[lines.indexOf(name) + 1];
      return told("flags") === "slave" && told("master-link-status") === "ok";
    };
    await until(known);
  }
}

/** Such as `master`, or of a replica how it stands with its master: `slave connected`. */
async function roleOf(server: RedisServer): Promise<string> {
  const [role = "", , , state] = (await server.command("ROLE")).split("\n");
  return role === "slave" ? `${role} ${state}` : role;
}

async function until(isReached: () => Promise<boolean>): Promise<void> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  while (!(await isReached())) {
    if (late.aborted) throw new Error("the Sentinel was waited for in vain");
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
