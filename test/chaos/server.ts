import { type ParleyOptions, type ParleyProcess, startParley } from "../support/parley-process.ts";
import type { Address, Endpoint } from "./load/endpoint.ts";

export interface ServerOptions extends Omit<ParleyOptions, "dataDir"> {
  readonly dataDir: string;
  /** Starts it otherwise than as the binary. */
  readonly launch?: (options: LaunchOptions) => Promise<ParleyProcess>;
}

export interface LaunchOptions {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What the load sends at will. */
const ENVIRONMENT = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };

/** The binary on one data directory over all of its lives. Its port changes with each. */
export class Server implements Endpoint {
  readonly #options: ServerOptions;
  #process: ParleyProcess | null = null;
  /** What its lives logged as faults of the server's own. */
  readonly complaints: string[] = [];
  starts = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  next(): Address | null {
    return this.isRunning ? this.address : null;
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  /** Throws while it does not run. */
  get address(): Address {
    const { hostname, port } = new URL(this.url);
    return { host: hostname, port: Number(port) };
  }

  get pid(): number {
    return this.process.pid;
  }

  get url(): string {
    return this.process.url;
  }

  get dataDir(): string {
    return this.#options.dataDir;
  }

  /** Throws while it does not run. */
  get process(): ParleyProcess {
    if (this.#process === null) throw new Error("the server does not run");
    return this.#process;
  }

  async start(): Promise<void> {
    const { env: ownEnv, launch = startParley, ...options } = this.#options;
    const env = { ...ENVIRONMENT, ...ownEnv };
    this.#process = await launch({ ...options, env });
    this.starts += 1;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#leave()?.kill();
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number> {
    const process = this.#process;
    const exitCode = (await process?.stop()) ?? 0;
    this.#leave();
    return exitCode;
  }

  async health(): Promise<{ status: string; activeConnections: number } | null> {
    try {
      const answer = await fetch(`${this.url}/api/websocket/health`);
      const document: { status: string; activeConnections: number } = await answer.json();
      return document;
    } catch {
      return null;
    }
  }

  #leave(): ParleyProcess | null {
    const process = this.#process;
    this.#process = null;
    if (process !== null) this.complaints.push(...faultsIn(process.log()));
    return process;
  }
}

/** A refused write is logged too, as it should be; INTERNAL never should. */
function faultsIn(log: string): string[] {
  return log
    .split("\n")
    .filter((line) => /"level":"?(fatal|60)|INTERNAL|Internal error/.test(line));
}
