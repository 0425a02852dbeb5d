import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { Children } from "../children.ts";
import { pinnedTo } from "../machine.ts";
import { type RunningPeer, Unavailable } from "./peer.ts";

const READY_TIMEOUT_MS = 60_000;
const RETRY_MS = 50;
const LOG_LINES = 5;

export interface Launch {
  readonly port: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** For what it prints. */
  readonly folder: string;
}

/** Starts a server on the server's core and waits until its port takes connections. */
export async function launch(children: Children, options: Launch): Promise<RunningPeer> {
  const child = startLogged(children, options);
  await waitForPort(options.port, child, options.folder, children);
  return { port: options.port, pids: [child.pid], stop: () => children.end(child) };
}

/** The process is the server itself: the shell and `taskset` have made way for it. */
export function startLogged(
  children: Children,
  { command, env = {}, folder }: Omit<Launch, "port">,
): Subprocess {
  const log = join(folder, "log");
  const toLog = ["sh", "-c", 'exec "$@" >>"$0" 2>&1', log];
  return children.start([...toLog, ...pinnedTo("server"), ...command], { env });
}

/** When the server ends or takes too long, ends it and throws `Unavailable` with what it logged. */
export async function waitForPort(
  port: number,
  child: Subprocess,
  folder: string,
  children: Children,
): Promise<void> {
  const untilMs = performance.now() + READY_TIMEOUT_MS;
  while (!(await isOpen(port))) {
    const why =
      child.exitCode !== null || child.signalCode !== null
        ? "it ended at once"
        : performance.now() > untilMs
          ? "it takes no connections"
          : null;
    if (why !== null) {
      await children.end(child);
      throw new Unavailable(`${why}: ${endOfLog(folder)}`);
    }
    await Bun.sleep(RETRY_MS);
  }
}

/** One that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("No port to be had");
  return address.port;
}

async function isOpen(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function endOfLog(folder: string): string {
  const log = join(folder, "log");
  if (!existsSync(log)) return "no log";
  return readFileSync(log, "utf8").trim().split("\n").slice(-LOG_LINES).join(" | ");
}
