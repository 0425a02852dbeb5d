import { expect, test } from "bun:test";
import { PortClaims } from "../../src/server/port-claims.ts";
import { freePort } from "../support/free-port.ts";
import { refusalOf } from "../support/refusal.ts";

const settings = (port: number, tcpPort?: number) => ({
  ...{ host: "127.0.0.1", port, tls: {}, tcp: { host: "127.0.0.1", port: tcpPort } },
});

test("who asks a server that is starting is told to come again, and it listens there itself then", async () => {
  const port = await freePort();
  const claims = new PortClaims(settings(port));
  const early = await fetch(`http://127.0.0.1:${port}/readyz`);
  expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"]);
  claims.release();
  using server = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("ready") });
  expect(await (await fetch(server.url)).text()).toBe("ready");
});

test("one port that is taken, and none is claimed", async () => {
  const [port, tcpPort] = [await freePort(), await freePort()];
  const claims = new PortClaims(settings(tcpPort));
  expect(await refusalOf(async () => new PortClaims(settings(port, tcpPort)))).toBe(
    "INVALID_CONFIGURATION",
  );
  claims.release();
  new PortClaims(settings(port, tcpPort)).release();
});
