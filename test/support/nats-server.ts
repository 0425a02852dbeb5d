import { nodePort } from "./node-port.ts";

/** Debian installs it where users do not look. */
export function natsProgram(): string | null {
  return Bun.which("nats-server", { PATH: `${process.env.PATH}:/usr/sbin` });
}

/** A real NATS of the test's own, on a loopback port. */
export class NatsServer implements AsyncDisposable {
  #child: Bun.Subprocess | null = null;

  private constructor(
    readonly port: number,
    readonly flags: readonly string[],
  ) {}

  static async start(...flags: readonly string[]): Promise<NatsServer> {
    const server = new NatsServer(await nodePort(), flags);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const program = natsProgram();
    if (program === null) {
      throw new Error("These tests need nats-server (Debian: apt-get install nats-server)");
    }
    const withTests = Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"];
    const flags = ["-a", "127.0.0.1", "-p", String(this.port), ...this.flags];
    const child = Bun.spawn([...withTests, program, ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    const listen = async (): Promise<void> => {
      const decoder = new TextDecoder();
      let log = "";
      // To the end: what it could not write to would end it.
      for await (const bytes of child.stderr) {
        log = (log + decoder.decode(bytes, { stream: true })).slice(-10_000);
        if (log.includes("Server is ready")) ready.resolve();
      }
      ready.reject(new Error(`nats-server ended:\n${log}`));
    };
    listen().catch(ready.reject);
    await ready.promise;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
