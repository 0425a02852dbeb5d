import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import type { ChildOptions, Children } from "../children.ts";
import { fileSystemOf, pinnedTo, ROOT } from "../machine.ts";

const BINARY = join(ROOT, "dist/parley");
const BARE = join(ROOT, "bench/peers/bare-bun.ts");

/** With it the clients are the app's back end too. Servers of the bench listen on loopback alone. */
export const API_KEY = crypto.randomUUID();

/** Parley, or the engine under it alone. */
export type ServerKind = "parley" | "bare";

export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  /** What it logged at level `warn` and above. */
  readonly complaints: readonly string[];
  /** Sends it a message; its answers go to `onResult`. */
  ask(message: string): void;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Builds the binary if it is missing or older than its sources. */
export async function ensureBinary(children: Children): Promise<void> {
  const builtMs = existsSync(BINARY) ? statSync(BINARY).mtimeMs : Number.NEGATIVE_INFINITY;
  const sources = [...new Glob("src/**").scanSync(ROOT), "package.json", "package-lock.json"];
  const isFresh = sources.every((file) => statSync(join(ROOT, file)).mtimeMs <= builtMs);
  if (!isFresh) await children.run([process.execPath, "run", "--cwd", ROOT, "build"]);
}

/** What the servers' data lies on. */
export function dataFileSystem(): string {
  return fileSystemOf(dataParent());
}

/** On a disk: in memory a commit would cost nothing. */
function dataParent(): string {
  const inMemory = ["tmpfs", "ramfs"].includes(fileSystemOf(tmpdir()));
  return inMemory ? join(ROOT, "bench/results") : tmpdir();
}

function newDataFolder(): string {
  mkdirSync(dataParent(), { recursive: true });
  return mkdtempSync(join(dataParent(), "parley-bench-"));
}

export function startServer(kind: ServerKind, children: Children): Promise<ServerProcess> {
  return kind === "parley" ? startParley(children) : startBare(children);
}

/** Starts the binary with an empty database, without limits, on one core. */
export async function startParley(
  children: Children,
  options: ChildOptions = {},
): Promise<ServerProcess> {
  const dataFolder = newDataFolder();
  const removeData = () => rmSync(dataFolder, { recursive: true, force: true });
  const command = [BINARY, "serve", "--port", "0", "--log-format", "json"];
  const child = children.startPiped([...pinnedTo("server"), ...command], {
    ...options,
    env: {
      PARLEY_DATA_DIR: dataFolder,
      PARLEY_LIMITS_MESSAGES_PER_SECOND: "0",
      // What is measured are messages of users.
      PARLEY_CHAT_SYSTEM_MESSAGES: "false",
      // Nine tenths of the usual limit of open files by default; more than that is asked of it.
      PARLEY_LIMITS_CONNECTIONS: "19500",
      PARLEY_API_KEYS: API_KEY,
      ...options.env,
    },
  });
  child.exited.then(removeData, removeData);
  const complaints: string[] = [];
  const url = await readLog(child.stdout, complaints);
  const health = await fetch(`${url}/api/websocket/health`);
  if (!health.ok) throw new Error(`The server is not healthy: ${await health.text()}`);
  return {
    port: Number(new URL(url).port),
    pid: child.pid,
    complaints,
    ask: (message) => child.send(message),
    stop: () => children.end(child),
  };
}

async function startBare(children: Children): Promise<ServerProcess> {
  const child = children.startPiped([...pinnedTo("server"), process.execPath, BARE]);
  const complaints: string[] = [];
  const url = await readLog(child.stdout, complaints);
  return {
    port: Number(new URL(url).port),
    pid: child.pid,
    complaints,
    ask: (message) => child.send(message),
    stop: () => children.end(child),
  };
}

/** Resolves with the URL of the ready line, and reads on. */
function readLog(stream: ReadableStream<Uint8Array>, complaints: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const url = /"url":"([^"]+)"/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
        if (/"level":("(warn|error|fatal)"|[456]0)/.test(line)) complaints.push(line);
      }
    }
    reject(new Error("The server ended before it was ready"));
  };
  read().catch(reject);
  return promise;
}
