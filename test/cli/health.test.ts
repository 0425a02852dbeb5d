import { afterEach, describe, expect, test } from "bun:test";
import { run } from "../support/cli-harness.ts";

describe("health", () => {
  const servers: Bun.Server<undefined>[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
  });

  /** Answers the health document with `status`; tells the paths that were asked for. */
  function listen(status: number) {
    const paths: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        paths.push(new URL(request.url).pathname);
        return new Response("{}", { status });
      },
    });
    servers.push(server);
    return { port: server.port, paths };
  }

  test("exits with 0 when the server on the configured port is well", async () => {
    const { port, paths } = listen(200);
    const env = { PARLEY_PORT: String(port), PARLEY_HOST: "0.0.0.0" };
    expect(await run(["health"], { env }).done).toBe(0);
    expect(paths).toEqual(["/api/websocket/health"]);
  });

  test("asks the given URL, at its path if it has one", async () => {
    const { port, paths } = listen(200);
    expect(await run(["health", "--url", `http://127.0.0.1:${port}`]).done).toBe(0);
    expect(await run(["health", `--url=http://127.0.0.1:${port}/chat/health`]).done).toBe(0);
    expect(paths).toEqual(["/api/websocket/health", "/chat/health"]);
  });

  test("exits with 1 when the server is not well, or not there", async () => {
    const { port } = listen(503);
    const unwell = run(["health", `--port=${port}`]);
    expect(await unwell.done).toBe(1);
    expect(unwell.stderr()).toContain("answers with status 503");

    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
    const absent = run(["health", `--port=${port}`]);
    expect(await absent.done).toBe(1);
    expect(absent.stderr()).toContain("does not answer");
  });

  test("does not wait for ever", async () => {
    const asked = Promise.withResolvers<void>();
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked.resolve();
        return Promise.withResolvers<never>().promise;
      },
    });
    servers.push(server);
    const { done, timeIsUp, stderr } = run(["health", `--port=${server.port}`]);
    await asked.promise;
    timeIsUp();
    expect(await done).toBe(1);
    expect(stderr()).toContain("did not answer within 5000 ms");
  });
});
