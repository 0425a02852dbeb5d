import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Children } from "../../bench/children.ts";
import { needs } from "../../bench/peers/cache.ts";
import { freePort, launch } from "../../bench/peers/launch.ts";
import { Unavailable } from "../../bench/peers/peer.ts";

const children = new Children();
const folder = mkdtempSync(join(tmpdir(), "parley-peers-"));

afterAll(async () => {
  await children.endAll();
  rmSync(folder, { recursive: true });
});

test("a server that ends at once is left out with the end of its log", async () => {
  const command = ["sh", "-c", "echo the port is taken; exit 3"];
  const launching = launch(children, { port: await freePort(), command, folder });
  await expect(launching).rejects.toThrow("it ended at once: the port is taken");
  await expect(launching).rejects.toBeInstanceOf(Unavailable);
});

test("a server is ready when it takes connections, and gone when it was stopped", async () => {
  const port = await freePort();
  const server = `Bun.listen({ hostname: "127.0.0.1", port: ${port}, socket: { data() {} } })`;
  const command = [process.execPath, "--eval", server];
  const running = await launch(children, { port, command, folder });
  expect(running.port).toBe(port);
  await running.stop();
  for (const pid of running.pids) expect(() => process.kill(pid, 0)).toThrow();
});

test("a program that is missing is named", () => {
  expect(() => needs("sh", "no-such-program")).toThrow(
    new Unavailable("no-such-program not found"),
  );
});

test("nothing is started any more once all are being ended", async () => {
  const others = new Children();
  const running = others.start(["tail", "-f", "/dev/null"]);
  const ending = others.endAll();
  expect(() => others.start(["true"])).toThrow("being ended");
  expect(() => others.startPiped(["true"])).toThrow("being ended");
  await ending;
  expect(running.signalCode).toBe("SIGTERM");
});
