import type { ChildOptions, Children } from "../children.ts";
import { rssBytesOf } from "../load/server-usage.ts";
import { startWatchedServer, type WatchedServer } from "../load/watched-server.ts";
import type { Engines } from "./engines.ts";
import { CLUSTER } from "./figures.ts";
import { onlineUsers } from "./node-api.ts";
import type { OthersUsers } from "./samples.ts";
import { redisBackplane, SpokenNode } from "./spoken-node.ts";

/** Everyone's are as long: a UUID, and a name with a surname. */
const NAME_BYTES = 20;

/** Told before the event loop has its turn. */
const TOLD_AT_ONCE = 1_000;
const POLL_MS = 50;
/** Who is not known when nobody new was for so long will not be. */
const SILENCE_MS = 10_000;
/** The least of so many looks counts: what is under way in one is not in all of them. */
const LOOKS = 3;
const PAUSE_MS = 500;

/** What a node takes for users of another one, whom it is told of over Redis as of all. */
export async function measureOthersUsers(
  steps: readonly number[],
  engines: Engines,
): Promise<OthersUsers> {
  console.log(`── memory of users of another node: ${steps.join(", ")}`);
  const started: WatchedServer[] = [];
  const start = async (children: Children, { env = {} }: ChildOptions = {}) => {
    const server = await startWatchedServer(children, env);
    started.push(server);
    return server;
  };
  await using installation = await engines.install(CLUSTER, 1, {}, start);
  const [server] = started;
  const { redis } = installation.target;
  if (server === undefined || redis === null) throw new TypeError("The node was not started");
  const other = new SpokenNode(redisBackplane("other", redis.port));
  const users: string[] = [];
  const measured: OthersUsers["steps"] = [];
  for (const size of steps) {
    while (users.length < size) {
      const userId = crypto.randomUUID();
      other.comes(userId, `Ada ${userId}`.slice(0, NAME_BYTES));
      if (users.push(userId) % TOLD_AT_ONCE === 0) await Bun.sleep(0);
    }
    await isTold(server.port, size);
    measured.push({ users: size, ...(await leastOf(server)) });
  }
  await other.stop();
  return { idBytes: users[0]?.length ?? 0, nameBytes: NAME_BYTES, steps: measured };
}

/** Resolves when the node says that as many users are there. */
async function isTold(port: number, size: number): Promise<void> {
  let progressMs = performance.now();
  for (let before = -1, known = 0; known < size; before = known) {
    known = await onlineUsers(port);
    if (known !== before) progressMs = performance.now();
    if (performance.now() - progressMs > SILENCE_MS) {
      throw new Error(`It knows ${known} of ${size} users of another node`);
    }
    if (known < size) await Bun.sleep(POLL_MS);
  }
}

async function leastOf(
  server: WatchedServer,
): Promise<Omit<OthersUsers["steps"][number], "users">> {
  let liveBytes = Number.POSITIVE_INFINITY;
  let rssBytes = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS; look += 1) {
    await Bun.sleep(PAUSE_MS);
    const { heap, native } = await server.liveMemory();
    liveBytes = Math.min(liveBytes, heap + native);
    rssBytes = Math.min(rssBytes, rssBytesOf(server.pid));
  }
  return { liveBytes, rssBytes };
}
