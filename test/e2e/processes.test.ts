import { afterAll, beforeAll, expect, test } from "bun:test";
import { CertificateFolder, handshake, newCertificate } from "../support/certificates.ts";
import { Listener, startNode } from "../support/nodes.ts";
import { type ParleyProcess, runParley, startParley } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { isRunning, pidsOf, startProcesses, untilTrue } from "../support/processes.ts";
import { RedisServer } from "../support/redis-server.ts";
import { connectStock } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** So many that no process is without one. */
const CROWD = 40;

let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const start = (processes = 3, flags: readonly string[] = []) =>
  startProcesses(postgres.url("postgres"), processes, flags);

/** Listeners on all processes, on the topic. */
async function crowd(server: ParleyProcess, topic: string): Promise<Listener[]> {
  const anna = await connectStock(server, "anna");
  const listeners = await Promise.all(
    Array.from({ length: CROWD }, (_, index) => Listener.on(server, `user-${index}`)),
  );
  for (const each of listeners) await each.listen(topic, anna);
  await anna.close();
  return listeners;
}

test("three processes on a port that was free: topics reach all, and a stop leaves none", async () => {
  const server = await start(3, ["--tcp-port=0"]);
  expect(server.tcpPort).toBeGreaterThan(0);
  expect(server.log().match(/Parley is ready/g)).toHaveLength(1);
  const pids = pidsOf(server);
  expect(new Set(pids).size).toBe(3);
  const listeners = await crowd(server, "/topic/all");
  const anna = await connectStock(server, "anna");
  for (let count = 0; count < 100; count += 1) {
    anna.stomp.publish({ destination: "/topic/all", body: `${count}` });
  }
  for (const each of listeners) {
    const heard = await each.count(100);
    expect(heard.map(({ body }) => body)).toEqual(
      Array.from({ length: 100 }, (_, count) => `${count}`),
    );
  }
  for (const { client } of listeners) await client.close();
  await anna.close();
  expect(await server.stop()).toBe(0);
  expect(pids.filter(isRunning)).toEqual([]);
  for (const number of [1, 2, 3]) {
    expect(server.log()).toMatch(new RegExp(`"process":${number},"reason":"SIGTERM".*"Stopping"`));
  }
});

test("a process that is killed is started again, and the connections of the others go on", async () => {
  const server = await start();
  const listeners = await crowd(server, "/topic/kill");
  const [victim = 0, ...others] = pidsOf(server);
  process.kill(victim, "SIGKILL");
  await untilTrue(() => pidsOf(server).length === 4);
  expect(server.log()).toContain("A process of the server has ended: it is started again");
  expect(others.filter(isRunning)).toEqual(others);
  const lost = listeners.filter(({ client }) => client.closes.length > 0);
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.length).toBeLessThan(CROWD);
  const newcomers = await crowd(server, "/topic/kill");
  const anna = await connectStock(server, "anna");
  anna.stomp.publish({ destination: "/topic/kill", body: "after" });
  for (const each of [...listeners.filter((one) => !lost.includes(one)), ...newcomers]) {
    await each.client.until(() => each.heard.some(({ body }) => body === "after"), "the message");
  }
  for (const { client } of [...listeners, ...newcomers]) await client.close();
  await anna.close();
  expect(await server.stop()).toBe(0);
  expect(pidsOf(server).filter(isRunning)).toEqual([]);
});

test("with TLS the processes share all ports too, and each shows a new certificate", async () => {
  using folder = new TemporaryFolder();
  const files = new CertificateFolder(folder.path);
  files.put(newCertificate("first"));
  const server = await start(2, [
    ...["--tls-cert-file", files.certFile, "--tls-key-file", files.keyFile],
    ...["--tls-reload-ms=50", "--tls-redirect-port=0", "--tcp-port=0"],
  ]);
  const redirect = /"redirect":"([^"]+)"/.exec(server.log())?.[1] ?? "";
  for (let count = 0; count < 10; count += 1) {
    const answer = await fetch(`${redirect}/x`, {
      ...{ redirect: "manual", headers: { Host: "localhost", Connection: "close" } },
    });
    expect(answer.status).toBe(308);
    expect(answer.headers.get("location")).toBe(`https://localhost:${server.port}/x`);
  }
  files.put(newCertificate("second"));
  for (const port of [server.port, server.tcpPort]) {
    for (let inARow = 0; inARow < 20; ) {
      const { subject } = await handshake(port).catch((fault) => {
        // A handshake in the very moment of a renewal is reset, as docs/deployment.md says.
        if (fault.code !== "ECONNRESET") throw fault;
        return { subject: null };
      });
      inARow = subject === "second" ? inARow + 1 : 0;
    }
  }
  expect(await server.stop()).toBe(0);
});

test("with Redis they are nodes as all others are", async () => {
  await using redis = await RedisServer.start();
  const env = { PARLEY_BACKPLANE: "redis", PARLEY_REDIS_URL: redis.url, PARLEY_NODE_ID: "east" };
  const server = await startProcesses(postgres.url("postgres"), 2, [], env);
  const other = await startNode(redis.url, "west");
  const listeners = await crowd(server, "/topic/redis");
  const anna = await connectStock(other, "anna");
  for (const each of listeners) await each.listen("/topic/redis.other", anna);
  for (const name of ["east-1", "east-2"]) expect(server.log()).toContain(`"nodeId":"${name}"`);
  for (const { client } of listeners) await client.close();
  await anna.close();
  expect(await server.stop()).toBe(0);
  expect(await other.stop()).toBe(0);
});

test("a process that stops by itself is started again too", async () => {
  const server = await start(2);
  const [one = 0] = pidsOf(server);
  process.kill(one, "SIGTERM");
  await untilTrue(() => pidsOf(server).length === 3);
  expect(isRunning(one)).toBe(false);
  expect(await server.stop()).toBe(0);
});

test("processes whose parent is killed end by themselves", async () => {
  const server = await start();
  const pids = pidsOf(server);
  expect(pids.filter(isRunning)).toEqual(pids);
  await server.kill();
  await untilTrue(() => !pids.some(isRunning));
});

test("a second signal ends all processes at once", async () => {
  const server = await start(2, ["--shutdown-drain-ms=600000"]);
  const pids = pidsOf(server);
  const stopped = server.stop();
  await untilTrue(() => server.log().includes('"Stopping"'));
  process.kill(server.pid, "SIGTERM");
  expect(await stopped).toBe(143);
  await untilTrue(() => !pids.some(isRunning));
});

test("a process that does not stop is ended", async () => {
  const server = await start(2, ["--shutdown-timeout-ms=0"]);
  const pids = pidsOf(server);
  process.kill(pids[0] ?? Number.NaN, "SIGSTOP");
  expect(await server.stop()).toBe(1);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(server.log()).toContain("A process of the server did not stop in order");
});

test("a process that cannot start ends the start, and says why", async () => {
  const flags = ["--processes=2", "--port=0", "--database-url=postgres://parley@127.0.0.1:1/none"];
  const { exitCode, stderr } = await runParley("serve", ...flags);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("127.0.0.1:1");
  expect(stderr).toContain("process 1 of 2 could not start");
});

test("a port that somebody else listens on is not shared with them", async () => {
  const server = await start(2);
  const flags = [`--port=${server.port}`, `--database-url=${postgres.url("postgres")}`];
  const { exitCode, stderr } = await runParley("serve", "--processes=2", ...flags);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`Cannot listen on 127.0.0.1 port ${server.port}`);
  expect(await server.stop()).toBe(0);
});

test("SQLite is not shared by several processes", async () => {
  const { exitCode, stderr } = await runParley("serve", "--processes=2", "--port=0");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("only PostgreSQL is shared by several");
  const one = await startParley({ flags: ["--processes=1"] });
  expect(one.log()).not.toContain('"process":');
  expect(await one.stop()).toBe(0);
});
