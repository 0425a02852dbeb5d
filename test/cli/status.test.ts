import { afterEach, describe, expect, test } from "bun:test";
import { run } from "../support/cli-harness.ts";

describe("status", () => {
  const servers: Bun.Server<undefined>[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
  });

  const KEY = "k".repeat(32);
  const node = {
    ...{ id: "one", version: "1.2.3", startedAt: "2026-01-01T00:00:00.000Z", connections: 12 },
    ...{ onlineUsers: 3, isSelf: true, isConnected: true, heardAt: "2026-01-02T12:00:00.000Z" },
    ...{ isLeader: false, differs: [] as string[] },
  };

  function listen(answer: (key: string | null) => Response) {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        if (new URL(request.url).pathname !== "/api/nodes")
          return new Response("", { status: 404 });
        return answer(request.headers.get("x-api-key"));
      },
    });
    servers.push(server);
    return ["status", `--port=${server.port}`];
  }

  test("lists the nodes as the server on the configured port knows them, by its key", async () => {
    const other = { ...node, id: "another", isSelf: false, isConnected: false, connections: 0 };
    const argv = listen((key) => {
      if (key !== KEY) return new Response("", { status: 401 });
      return Response.json({ backplane: "CONNECTED", nodes: [node, other] });
    });
    const listed = run(argv, { env: { PARLEY_API_KEYS: KEY } });
    expect(await listed.done).toBe(0);
    expect(
      listed
        .stdout()
        .split("\n")
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ["NODE", "VERSION", "SINCE", "CONNECTIONS", "USERS", "BACKPLANE", "LAST BEAT"],
      ["one (asked)", "1.2.3", node.startedAt, "12", "3", "connected", node.heardAt],
      ["another", "1.2.3", node.startedAt, "0", "3", "not connected", node.heardAt],
      [""],
    ]);
    const json = run([...argv, "--json"], { env: { PARLEY_API_KEYS: KEY } });
    expect(await json.done).toBe(0);
    expect(JSON.parse(json.stdout())).toEqual({ backplane: "CONNECTED", nodes: [node, other] });
  });

  test("says what does not fit together", async () => {
    const differs = ["jwt.secret", "attachments.store"];
    const others = [
      { ...node, id: "two", isSelf: false, differs },
      { ...node, id: "three", isSelf: false, version: "1.3.0" },
      { ...node, id: "three", isSelf: false },
    ];
    const nodes = [node, ...others];
    const listed = run(listen(() => Response.json({ backplane: "CONNECTED", nodes })));
    expect(await listed.done).toBe(0);
    expect(listed.stdout().split("\n").slice(5)).toEqual([
      "",
      "two has other values than the one asked of jwt.secret, attachments.store: all nodes must have the same",
      "three is the name of several nodes: give each its own node.id",
      "The nodes are of several versions: bring all to one",
      "",
    ]);
  });

  test("says which one leads", async () => {
    const nodes = [
      { ...node, isLeader: true },
      { ...node, id: "two", isSelf: false },
      { ...node, id: "three", isSelf: false, isLeader: true },
    ];
    const listed = run(listen(() => Response.json({ backplane: "CONNECTED", nodes })));
    expect(await listed.done).toBe(0);
    const [, ...lines] = listed.stdout().split("\n");
    expect(lines.map((line) => line.split(/ {2,}/)[0])).toEqual([
      ...["one (asked, leads)", "two", "three (leads)", ""],
    ]);
  });

  test("understands a server that does not say who leads, nor in what its nodes differ", async () => {
    const { differs: _, isLeader: __, ...older } = node;
    const listed = run(listen(() => Response.json({ backplane: "CONNECTED", nodes: [older] })));
    expect(await listed.done).toBe(0);
  });

  test("says what a node that is alone is", async () => {
    const listed = run(listen(() => Response.json({ backplane: "LOCAL", nodes: [node] })));
    expect(await listed.done).toBe(0);
    expect(listed.stdout()).toContain("  alone  ");
  });

  test.each([
    ["a key is wanted", {}, 401, "asks for an API key"],
    ["the key is another", { PARLEY_API_KEYS: KEY }, 401, "does not know this API key"],
    ["the server is stopping", {}, 503, "answers with status 503"],
    ["it is another program", {}, 200, "answers something else"],
  ])("exits with 1 when %s", async (_, env, status, message) => {
    const refused = run(
      listen(() => new Response("<p>", { status })),
      { env },
    );
    expect(await refused.done).toBe(1);
    expect(refused.stderr()).toContain(message);
    expect(refused.stderr()).not.toContain(KEY);
  });
});
