import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";
import { askAsServer } from "../support/server-api.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { API_KEY } from "../support/tokens.ts";

let redis: RedisServer;
let postgres: PostgresServer;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
});

afterAll(async () => {
  await Promise.all([redis, postgres].map((server) => server[Symbol.asyncDispose]()));
});

function node(
  id: string,
  folder: TemporaryFolder,
  env: Readonly<Record<string, string>> = {},
): Promise<ParleyProcess> {
  return startParley({
    dataDir: folder.path,
    env: {
      ...{ PARLEY_BACKPLANE: "redis", PARLEY_REDIS_URL: redis.url, PARLEY_NODE_ID: id },
      ...{ PARLEY_DATABASE_URL: postgres.url("postgres", "&schema=unlike") },
      ...{
        PARLEY_JWT_SECRET: "j".repeat(32),
        PARLEY_API_KEYS: API_KEY,
        PARLEY_METRICS_OPEN: "true",
        ...env,
      },
    },
  });
}

async function says(server: ParleyProcess, line: RegExp): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  while (!line.test(server.log())) {
    if (late.aborted) throw new Error(`${line} is not in\n${server.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface ListedNode {
  readonly id: string;
  readonly isLeader: boolean;
  readonly differs: readonly string[];
}

/** The nodes that this one knows. */
async function listed(server: ParleyProcess): Promise<readonly ListedNode[]> {
  const response = await askAsServer(server, "GET", "/api/nodes");
  const { nodes } = (await response.json()) as { nodes: ListedNode[] };
  return nodes;
}

/** In what they differ from it. */
async function differing(server: ParleyProcess) {
  return Object.fromEntries((await listed(server)).map(({ id, differs }) => [id, differs]));
}

test("nodes that do not fit together are told of; those that do share folder and settings", async () => {
  using shared = new TemporaryFolder();
  using another = new TemporaryFolder();
  const [one, two] = await Promise.all([node("one", shared), node("two", shared)]);
  await says(one, /"node":"two".*"Another node is there"/);
  const leaders = [...(await listed(one)), ...(await listed(two))].filter((each) => each.isLeader);
  expect(new Set(leaders.map(({ id }) => id)).size).toBe(1);
  const three = await node("three", another, { PARLEY_JWT_SECRET: "k".repeat(32) });
  const twin = await node("two", shared);
  const four = await node("four", another, { PARLEY_DATABASE_URL: "memory:" });
  try {
    const settings = ["jwt.secret", "attachments.store", "attachments.link_secret"];
    await says(one, /"node":"three".*"Another node has other values of settings/);
    await says(one, /"node":"four".*"Another node has other values of settings/);
    await says(two, /"Another node has the same node\.id: give each its own"/);
    expect(await differing(one)).toEqual({
      one: [],
      two: [],
      three: settings,
      four: ["database.url"],
    });
    expect(one.log()).toContain(JSON.stringify(settings));
    expect(one.log()).not.toMatch(/"node":"two".*other values/);
    expect((await scrape(one)).get("parley_nodes_unlike")).toBe(2);
    for (const secret of ["j", "k"]) expect(one.log()).not.toContain(secret.repeat(32));
  } finally {
    for (const each of [one, two, three, twin, four]) expect(await each.stop()).toBe(0);
  }
});
