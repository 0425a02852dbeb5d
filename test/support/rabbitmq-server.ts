import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodePort } from "./node-port.ts";

/** As Debian's package installs it; elsewhere it is in the PATH. Its wrapper wants another user. */
const DEBIAN = "/usr/lib/rabbitmq/bin";

/** Where the programs of RabbitMQ are; null: nowhere. */
export function rabbitmqFolder(): string | null {
  if (existsSync(join(DEBIAN, "rabbitmq-server"))) return DEBIAN;
  const server = Bun.which("rabbitmq-server");
  return server === null ? null : server.slice(0, -"/rabbitmq-server".length);
}

interface Ports {
  readonly amqp: number;
  readonly stomp: number;
  readonly stomps: number;
  readonly distribution: number;
  readonly epmd: number;
}

export interface RabbitMqServerOptions {
  /** It speaks TLS too, on a port of its own. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

/**
 * A real RabbitMQ of the test's own, which speaks STOMP on a loopback port. Starting it takes several
 * seconds. It and the daemon of names that Erlang wants end with this process.
 */
export class RabbitMqServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "parley-rabbitmq-"));
  readonly #programs: string;
  readonly #ports: Ports;
  #names: Bun.Subprocess | null = null;
  #server: Bun.Subprocess | null = null;

  private constructor(programs: string, ports: Ports) {
    this.#programs = programs;
    this.#ports = ports;
  }

  static async start(options: RabbitMqServerOptions = {}): Promise<RabbitMqServer> {
    const server = await RabbitMqServer.notYet(options);
    await server.start();
    return server;
  }

  /** One whose port is known before it runs. */
  static async notYet({ tls }: RabbitMqServerOptions = {}): Promise<RabbitMqServer> {
    const programs = rabbitmqFolder();
    if (programs === null) {
      throw new Error("These tests need RabbitMQ (Debian: apt-get install rabbitmq-server)");
    }
    const ports = {
      ...{ amqp: await nodePort(), stomp: await nodePort(), stomps: await nodePort() },
      ...{ distribution: await nodePort(), epmd: await nodePort() },
    };
    const server = new RabbitMqServer(programs, ports);
    const settings = [
      `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
      `stomp.listeners.tcp.1 = 127.0.0.1:${ports.stomp}`,
      // Tests run on small machines, whose memory others fill.
      "vm_memory_high_watermark.absolute = 2GB",
      "disk_free_limit.absolute = 1MB",
      "log.console = false",
    ];
    if (tls !== undefined) {
      settings.push(
        `stomp.listeners.ssl.1 = 127.0.0.1:${ports.stomps}`,
        `ssl_options.certfile = ${tls.certFile}`,
        `ssl_options.keyfile = ${tls.keyFile}`,
      );
    }
    writeFileSync(server.#file("rabbitmq.conf"), `${settings.join("\n")}\n`);
    writeFileSync(server.#file("enabled_plugins"), "[rabbitmq_stomp].\n");
    writeFileSync(server.#file(".erlang.cookie"), crypto.randomUUID());
    chmodSync(server.#file(".erlang.cookie"), 0o400);
    return server;
  }

  /** Of its own user, in its own virtual host. */
  get url(): string {
    return this.urlOf("guest", "guest");
  }

  urlOf(login: string, passcode: string, vhost = "/"): string {
    const access = `${login}:${passcode}@127.0.0.1:${this.#ports.stomp}`;
    return `stomp://${access}/${encodeURIComponent(vhost)}`;
  }

  get port(): number {
    return this.#ports.stomp;
  }

  get tlsPort(): number {
    return this.#ports.stomps;
  }

  /** Resolves when it speaks STOMP. What was durable is there again. */
  async start(): Promise<void> {
    const { epmd, stomp } = this.#ports;
    if (this.#names === null) {
      this.#names = this.#spawn(["epmd", "-port", String(epmd), "-address", "127.0.0.1"]);
      await this.#accepts(epmd);
    }
    this.#server = this.#spawn([join(this.#programs, "rabbitmq-server")]);
    await this.#accepts(stomp);
    // Its last listener need not be the last thing that it starts.
    const late = AbortSignal.timeout(50_000);
    while (!readFileSync(this.#file("output.log"), "utf8").includes("completed with")) {
      if (late.aborted || this.#server.exitCode !== null) throw this.#failure();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await end(this.#server);
    this.#server = null;
  }

  /** It keeps its connections and answers nothing until `resume`. */
  pause(): void {
    this.#server?.kill("SIGSTOP");
  }

  resume(): void {
    this.#server?.kill("SIGCONT");
  }

  /** One command of rabbitmqctl; what it prints. */
  async control(...args: readonly string[]): Promise<string> {
    const command = [join(this.#programs, "rabbitmqctl"), "--quiet", ...args];
    const child = Bun.spawn(command, {
      ...{ env: this.#environment(), stderr: "pipe" },
    });
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await child.exited) !== 0) throw new Error(`rabbitmqctl ${args[0]}: ${errors}${output}`);
    return output.trim();
  }

  /** Of a queue, how many messages are ready, and how many not acknowledged: `2 1`; or `none`. */
  async depth(queue: string): Promise<string> {
    const columns = ["name", "messages_ready", "messages_unacknowledged"];
    const rows = await this.control("list_queues", ...columns);
    const row = rows.split("\n").find((line) => line.startsWith(`${queue}\t`));
    return row?.split("\t").slice(1).join(" ") ?? "none";
  }

  async untilDepth(queue: string, expected: string): Promise<void> {
    const late = AbortSignal.timeout(20_000);
    for (let depth = ""; depth !== expected; depth = await this.depth(queue)) {
      if (late.aborted) throw new Error(`${queue} has ${depth}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await end(this.#names);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #spawn(command: readonly string[]): Bun.Subprocess {
    const withTests = Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"];
    const log = Bun.file(this.#file("output.log"));
    return Bun.spawn([...withTests, ...command], {
      ...{ env: this.#environment(), cwd: this.#folder, stdio: ["ignore", log, log] },
    });
  }

  async #accepts(port: number): Promise<void> {
    const late = AbortSignal.timeout(50_000);
    while (!(await isListening(port))) {
      if (late.aborted) throw this.#failure();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #failure(): Error {
    const log = readFileSync(this.#file("output.log"), "utf8");
    return new Error(`RabbitMQ does not start:\n${log}`);
  }

  #environment(): Record<string, string> {
    const { distribution, epmd } = this.#ports;
    const local = "-kernel inet_dist_use_interface {127,0,0,1}";
    return {
      ...{ PATH: process.env.PATH ?? "", HOME: this.#folder, LANG: "C.UTF-8" },
      ...{ ERL_EPMD_PORT: String(epmd), ERL_EPMD_ADDRESS: "127.0.0.1" },
      RABBITMQ_NODENAME: `parley-${distribution}@localhost`,
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_CONF_ENV_FILE: this.#file("none"),
      RABBITMQ_CONFIG_FILE: this.#file("rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: this.#file("enabled_plugins"),
      RABBITMQ_MNESIA_BASE: this.#file("data"),
      RABBITMQ_LOG_BASE: this.#file("logs"),
      RABBITMQ_PID_FILE: this.#file("pid"),
      // Else a shell stands in front of the server and takes the signals.
      RABBITMQ_ALLOW_INPUT: "1",
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-noinput ${local}`,
    };
  }
}

async function end(child: Bun.Subprocess | null): Promise<void> {
  child?.kill("SIGKILL");
  await child?.exited;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
