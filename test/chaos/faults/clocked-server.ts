import { join } from "node:path";
import type { ParleyProcess } from "../../support/parley-process.ts";
import type { LaunchOptions } from "../server.ts";
import type { ClockCommand } from "./serve-with-clock.ts";

const SCRIPT = join(import.meta.dir, "serve-with-clock.ts");
const READY = /"url":"([^"]+)"/;

/** A server whose wall clock can be moved while it runs. */
export interface ClockedServer extends ParleyProcess {
  /** To the machine's time and so much. */
  setClock(offsetMs: number): Promise<void>;
}

/** Resolves when it is ready. */
export async function launchClocked({ dataDir, env }: LaunchOptions): Promise<ClockedServer> {
  let log = "";
  let answered = Promise.withResolvers<void>();
  const args = ["--port", "0", "--data-dir", dataDir, "--log-format", "json"];
  const child = Bun.spawn([process.execPath, SCRIPT, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    ipc: () => answered.resolve(),
  });
  const ready = Promise.withResolvers<string>();
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) {
      log += decoder.decode(bytes, { stream: true });
      const url = READY.exec(log)?.[1];
      if (url !== undefined) ready.resolve(url);
    }
    ready.reject(new Error(`the server ended before it was ready:\n${log}`));
  };
  read().catch(ready.reject);
  const url = await ready.promise;
  const port = Number(new URL(url).port);
  return {
    ...{ url, port, dataDir, pid: child.pid, tcpPort: Number.NaN },
    wsUrl: `ws://127.0.0.1:${port}/ws`,
    log: () => log,
    async setClock(offsetMs) {
      answered = Promise.withResolvers();
      child.send({ offsetMs } satisfies ClockCommand);
      await answered.promise;
    },
    async stop() {
      child.kill("SIGTERM");
      return await child.exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
