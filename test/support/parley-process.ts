import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The binary under test, as `npm run build` leaves it. */
export const BINARY = resolve(import.meta.dir, "../../dist/parley");

export interface ParleyProcess {
  readonly url: string;
  readonly wsUrl: string;
  readonly port: number;
  /** NaN unless STOMP over TCP is on. */
  readonly tcpPort: number;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything that the server has logged so far. */
  log(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface ParleyOptions {
  /** Kept over restarts if given; else a folder of its own, removed at the end. */
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  /** A command that becomes the binary: it is followed by the binary's path and arguments. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Starts the command within another one, which must become it. */
  readonly within?: (command: readonly string[]) => string[];
}

/** Starts the binary on a free loopback port and waits until it says that it is ready. */
export async function startParley(options: ParleyOptions = {}): Promise<ParleyProcess> {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: npm run build makes it`);
  const dataDir = options.dataDir ?? temporaryDir();
  const { within = (command: readonly string[]) => [...command] } = options;
  const child = Bun.spawn(
    within([
      ...endsWithTests(),
      ...(options.prefix ?? []),
      BINARY,
      "serve",
      "--port",
      "0",
      "--data-dir",
      dataDir,
      "--log-format",
      "json",
      ...(options.flags ?? []),
    ]),
    {
      env: { PATH: process.env.PATH ?? "", ...options.env },
      stdout: "pipe",
      stderr: "pipe",
      cwd: tmpdir(),
    },
  );
  const lines: string[] = [];
  const url = await readUrl(child, lines);
  const port = Number(new URL(url).port);
  const ended = async () => {
    await child.exited;
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  return {
    url,
    wsUrl: `${url.startsWith("https:") ? "wss" : "ws"}://127.0.0.1:${port}/ws`,
    port,
    tcpPort: Number(/"tcp":"[^"]+:(\d+)"/.exec(lines.join("\n"))?.[1]),
    pid: child.pid,
    dataDir,
    log: () => lines.join("\n"),
    async stop() {
      child.kill("SIGTERM");
      await ended();
      return child.exitCode ?? -1;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended();
    },
  };
}

export interface FinishedCommand {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the binary to its end. */
export async function runParley(...args: readonly string[]): Promise<FinishedCommand> {
  const child = Bun.spawn([...endsWithTests(), BINARY, ...args], {
    env: { PATH: process.env.PATH ?? "" },
    stdout: "pipe",
    stderr: "pipe",
    cwd: tmpdir(),
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** A test that fails does not come to its stop(): where the system can, its server ends with it. */
function endsWithTests(): string[] {
  return Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"];
}

export function temporaryDir(): string {
  return mkdtempSync(join(tmpdir(), "parley-test-"));
}

/** Reads the log on, in the background, after the ready line. */
async function readUrl(
  child: Bun.Subprocess<"ignore", "pipe", "pipe">,
  lines: string[],
): Promise<string> {
  const { promise, resolve: found, reject } = Promise.withResolvers<string>();
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of child.stdout) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        lines.push(line);
        const url = /"url":"([^"]+)"/.exec(line)?.[1];
        if (url !== undefined) found(url);
      }
    }
    const errors = await new Response(child.stderr).text();
    lines.push(errors);
    reject(new Error(`parley ended before it was ready:\n${lines.join("\n")}`));
  };
  read().catch(reject);
  return promise;
}
