import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

const PAGE = join(import.meta.dir, "../../docs/load-balancing.md");
const SYSTEM_PATH = { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };

export const BALANCERS = ["nginx", "haproxy"] as const;
export type BalancerName = (typeof BALANCERS)[number];

/** A configuration as `docs/load-balancing.md` shows it. */
export function documentedConfiguration(name: BalancerName): string {
  const found = new RegExp(`\`\`\`${name}\n([\\s\\S]*?)\`\`\``).exec(readFileSync(PAGE, "utf8"));
  if (found?.[1] === undefined) throw new Error(`${PAGE} shows no configuration of ${name}`);
  return found[1];
}

/** For nodes of this machine, on a port of it, and without TLS, which has tests of its own. */
function localConfiguration(configuration: string, port: number, nodePorts: readonly number[]) {
  return nodePorts
    .reduce(
      (text, nodePort, index) =>
        text.replaceAll(`10.0.0.1${index + 1}:8080`, `127.0.0.1:${nodePort}`),
      configuration,
    )
    .replace(/^ *listen 443 ssl;$/m, `listen 127.0.0.1:${port};`)
    .replaceAll(/^ *ssl_.*\n/gm, "")
    .replace(/^( *bind ):443 ssl .*$/m, `$1127.0.0.1:${port}`);
}

export interface BalancerOptions {
  /** Of three nodes; they need not listen yet. */
  readonly nodePorts: readonly number[];
  /** Changes what is documented. */
  readonly edit?: (configuration: string) => string;
}

/** A real nginx or HAProxy with the documented configuration; it ends with this process. */
export class LoadBalancer implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #folder: string;

  private constructor(
    readonly port: number,
    child: Bun.Subprocess,
    folder: string,
  ) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Resolves when it answers. */
  static async start(
    name: BalancerName,
    { nodePorts, edit = (configuration) => configuration }: BalancerOptions,
  ): Promise<LoadBalancer> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), `parley-${name}-`));
    const local = localConfiguration(edit(documentedConfiguration(name)), port, nodePorts);
    const child = Bun.spawn([...endsWithTests(), ...COMMANDS[name](folder, local)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const balancer = new LoadBalancer(port, child, folder);
    while (!(await isListening(port))) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
      await Bun.sleep(20);
    }
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const COMMANDS: Readonly<
  Record<BalancerName, (folder: string, configuration: string) => readonly string[]>
> = {
  nginx(folder, configuration) {
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const file = join(folder, "nginx.conf");
    mkdirSync(join(folder, "logs"));
    writeFileSync(
      file,
      [
        `daemon off; worker_processes 2; error_log ${folder}/error.log;`,
        `pid ${folder}/nginx.pid; events {}`,
        "http { access_log off;",
        ...temporary.map((each) => `${each}_temp_path ${folder}/${each};`),
        configuration,
        "}",
      ].join("\n"),
    );
    return [program("nginx"), "-p", folder, "-c", file];
  },
  haproxy(folder, configuration) {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, configuration);
    return [program("haproxy"), "-db", "-q", "-f", file];
  },
};

function program(name: BalancerName): string {
  const found = Bun.which(name, SYSTEM_PATH);
  if (found === null) throw new Error(`${name} is missing (Debian: apt-get install ${name})`);
  return found;
}

function endsWithTests(): string[] {
  return Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "TERM"];
}

async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({
      ...{ hostname: "127.0.0.1", port },
      socket: { data: () => {} },
    });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
