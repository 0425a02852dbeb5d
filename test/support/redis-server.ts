import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodePort } from "./node-port.ts";

/** Of what a Sentinel watches, in milliseconds. */
export const SENTINEL_OPTIONS = {
  "down-after-milliseconds": "500",
  "failover-timeout": "3000",
} as const;

/** A real Redis of the test's own, on a loopback port, with nothing on disk that outlives it. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), "parley-redis-"));
  readonly #flags: readonly string[];
  #child: Bun.Subprocess | null = null;
  #file: string | null = null;

  private constructor(port: number, flags: readonly string[]) {
    this.port = port;
    this.#flags = flags;
  }

  static async start(...flags: readonly string[]): Promise<RedisServer> {
    const server = await RedisServer.notYet(...flags);
    await server.start();
    return server;
  }

  /** One whose port is known before it runs. */
  static async notYet(...flags: readonly string[]): Promise<RedisServer> {
    return new RedisServer(await nodePort(), flags);
  }

  /** A Sentinel that watches the master alone, and acts alone. */
  static async sentinel(
    master: RedisServer,
    name: string,
    ...flags: readonly string[]
  ): Promise<RedisServer> {
    const server = await RedisServer.notYet("--sentinel", ...flags);
    const lines = [
      `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
      ...Object.entries(SENTINEL_OPTIONS).map(([option, ms]) => `sentinel ${option} ${name} ${ms}`),
    ];
    // A Sentinel writes down what it learns.
    server.#file = join(server.folder, "sentinel.conf");
    writeFileSync(server.#file, `${lines.join("\n")}\n`);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Of the process that runs; NaN if none does. */
  get pid(): number {
    return this.#child?.pid ?? Number.NaN;
  }

  get #isTls(): boolean {
    return this.#flags.includes("--tls-cert-file");
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const command = ["redis-server", ...this.#arguments(), ...this.#flags];
    const withTests = Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"];
    const child = Bun.spawn([...withTests, ...command], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const decoder = new TextDecoder();
    let log = "";
    for await (const bytes of child.stdout) {
      log += decoder.decode(bytes, { stream: true });
      if (/Ready to accept connections|monitor master|Sentinel ID/.test(log)) break;
    }
    if (child.exitCode !== null) throw new Error(`redis-server ended:\n${log}`);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    this.#child = null;
  }

  /** It keeps its connections and answers nothing until `resume`. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** One command over redis-cli; what it prints. */
  async command(...args: readonly string[]): Promise<string> {
    const tls = this.#isTls ? ["--tls", "--insecure"] : [];
    const child = Bun.spawn(["redis-cli", ...tls, "-p", String(this.port), ...args]);
    const output = await new Response(child.stdout).text();
    await child.exited;
    return output.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #arguments(): string[] {
    return [
      ...(this.#file === null ? [] : [this.#file]),
      ...(this.#isTls ? ["--port", "0", "--tls-port"] : ["--port"]),
      ...[String(this.port), "--bind", "127.0.0.1", "--dir", this.folder],
      ...(this.#file === null ? ["--save", "", "--appendonly", "no"] : []),
    ];
  }
}
