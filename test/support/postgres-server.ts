import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL, type Subprocess } from "bun";
import type { PemPair } from "./certificates.ts";

/** As Debian's packages install it; elsewhere it is in the PATH. */
const FOLDERS = ["17", "16", "15", "14", "13"].map((major) => `/usr/lib/postgresql/${major}/bin`);

/** Looking takes a process, and the processor from what is waited for. */
const LOOK_EVERY_MS = 20;

/** Where the programs of PostgreSQL are; null: nowhere. */
export function postgresFolder(): string | null {
  const there = FOLDERS.find((folder) => existsSync(join(folder, "initdb")));
  if (there !== undefined) return there;
  const initdb = Bun.which("initdb");
  return initdb === null ? null : initdb.slice(0, -"/initdb".length);
}

/**
 * Starts the server, and again at each line of its standard input; ends it, whatever became of who
 * started it, when that input ends.
 */
const WATCHED = `
trap '' INT TERM
start() {
  "$@" </dev/null >&2 &
  pid=$!
  echo "$pid"
}
start "$@"
while read -r line; do
  wait "$pid"
  start "$@"
done
kill -QUIT "$pid" 2>/dev/null
wait "$pid"
rm -rf "$PARLEY_TEST_FOLDER"`;

export interface PostgresServerOptions {
  /** A crash of the machine, not only of the server, loses nothing: slower. */
  readonly fsync?: boolean;
  /** It listens on 127.0.0.1 too, with TLS, and asks for passwords there. */
  readonly tcp?: {
    readonly port: number;
    readonly pair: PemPair;
    /** Of this machine as well, for clients of its network. */
    readonly network?: { readonly address: string; readonly clients: string };
  };
}

/**
 * A real PostgreSQL of its own in a temporary folder, which listens on a unix socket alone. It ends
 * with this process, if it was not stopped before.
 */
export class PostgresServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #programs: string;
  readonly #port: number;
  readonly #isSafe: boolean;
  readonly #watcher: Subprocess<"pipe", "pipe", "ignore">;
  readonly #pids: ReadableStreamDefaultReader<Uint8Array>;
  #pid = 0;

  private constructor(folder: string, programs: string, options: PostgresServerOptions) {
    const { fsync = false, tcp } = options;
    this.#folder = folder;
    this.#programs = programs;
    this.#port = tcp?.port ?? 5_432;
    this.#isSafe = fsync;
    const settings = {
      ...{
        listen_addresses:
          tcp === undefined ? "" : ["127.0.0.1", tcp.network?.address ?? []].flat().join(","),
        unix_socket_directories: folder,
        max_connections: "200",
      },
      ...{ fsync: fsync ? "on" : "off", log_min_messages: "fatal" },
    };
    if (tcp !== undefined) {
      const tls = { ssl: "on", ssl_cert_file: "cert.pem", ssl_key_file: "key.pem" };
      Object.assign(settings, tls, { port: String(tcp.port) });
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const command = [join(programs, "postgres"), "-D", join(folder, "data"), ...flags];
    this.#watcher = Bun.spawn([...asServer(), "sh", "-c", WATCHED, "sh", ...command], {
      cwd: folder,
      env: { ...process.env, PARLEY_TEST_FOLDER: folder },
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#watcher.unref();
    this.#pids = this.#watcher.stdout.getReader();
  }

  static async start(options: PostgresServerOptions = {}): Promise<PostgresServer> {
    const programs = postgresFolder();
    if (programs === null) {
      throw new Error(
        "These tests need PostgreSQL 13 or later (Debian: apt-get install postgresql)",
      );
    }
    const folder = newFolder();
    const initdb = [join(programs, "initdb"), "-D", join(folder, "data"), "-U", "parley"];
    const how = [
      "--auth-local=trust",
      "--auth-host=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C.UTF-8",
      "--no-sync",
    ];
    const made = Bun.spawnSync([...asServer(), ...initdb, ...how], { cwd: folder });
    if (made.exitCode !== 0) throw new Error(`initdb failed: ${made.stderr}`);
    const { tcp } = options;
    if (tcp !== undefined) {
      const files = { "cert.pem": tcp.pair.cert, "key.pem": tcp.pair.key };
      for (const [name, pem] of Object.entries(files)) {
        const file = join(folder, "data", name);
        writeFileSync(file, pem, { mode: 0o600 });
        giveToServer(file);
      }
    }
    if (tcp?.network !== undefined) {
      const line = `host all all ${tcp.network.clients} scram-sha-256\n`;
      appendFileSync(join(folder, "data/pg_hba.conf"), line);
    }
    const server = new PostgresServer(folder, programs, options);
    await server.#started();
    return server;
  }

  /**
   * A server that follows this one and answers reads; each commit is on both from then on before it is
   * confirmed.
   */
  async standby(): Promise<PostgresServer> {
    const folder = newFolder();
    await this.#copyTo(folder);
    const standby = new PostgresServer(folder, this.#programs, { fsync: this.#isSafe });
    await standby.#started();
    await this.#keepInStep();
    return standby;
  }

  /**
   * After `kill` or `stop`, when another one has taken its place: it forgets what it had, and follows
   * that one as `standby` does.
   */
  async follow(primary: PostgresServer): Promise<void> {
    rmSync(join(this.#folder, "data"), { recursive: true, force: true });
    await primary.#copyTo(this.#folder);
    await this.restart();
    await primary.#keepInStep();
  }

  /** It follows no more, and takes writes when it resolves. */
  async promote(): Promise<void> {
    await using admin = new SQL({ ...this.connection(), max: 1 });
    await admin.unsafe("SELECT pg_promote()");
  }

  /** Of a database of the server that takes writes: this one or the other one. */
  urlWith(other: PostgresServer, database = "postgres", parameters = ""): string {
    return this.url(database, parameters).replace(this.#folder, `${this.#folder},${other.#folder}`);
  }

  /** Of a database; it need not be there. */
  url(database = "postgres", parameters = ""): string {
    return `postgres://parley:secret%20word@localhost:${this.#port}/${database}?host=${this.#folder}${parameters}`;
  }

  /** Of the process that all its others are children of. */
  get pid(): number {
    return this.#pid;
  }

  /** All of it, with those of its connections. */
  processes(): number[] {
    const children = readFileSync(`/proc/${this.#pid}/task/${this.#pid}/children`, "utf8");
    return [this.#pid, ...children.trim().split(" ").map(Number)];
  }

  /** For a client that is not Parley. */
  connection(database = "postgres"): SQL.PostgresOrMySQLOptions {
    return {
      adapter: "postgres",
      path: this.#folder,
      port: this.#port,
      username: "parley",
      database,
    };
  }

  /** As when its machine fails. The processes of its connections end by themselves soon after. */
  kill(): void {
    process.kill(this.#pid, "SIGKILL");
  }

  /**
   * `fast` ends sessions and closes the database in order; `immediate` is a crash that the next start
   * recovers from.
   */
  stop(how: "fast" | "immediate"): void {
    process.kill(this.#pid, how === "fast" ? "SIGINT" : "SIGQUIT");
  }

  /** After `kill` or `stop`; resolves when it takes connections. */
  async restart(): Promise<void> {
    this.#watcher.stdin.write("again\n");
    await this.#watcher.stdin.flush();
    await this.#started();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watcher.stdin.end();
    await this.#watcher.exited;
  }

  /** To where another one is to begin as one that follows this one. */
  async #copyTo(folder: string): Promise<void> {
    const data = join(folder, "data");
    const source = `host=${this.#folder} port=${this.#port} user=parley application_name=standby`;
    const command = [join(this.#programs, "pg_basebackup"), "-D", data, "-R", "-d", source];
    const copying = Bun.spawn([...asServer(), ...command, "-c", "fast", "--no-sync"], {
      ...{ cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
    });
    const complaints = await new Response(copying.stderr).text();
    if ((await copying.exited) !== 0) throw new Error(`pg_basebackup failed: ${complaints}`);
  }

  /** Resolves when commits wait for the one that follows. */
  async #keepInStep(): Promise<void> {
    await using admin = new SQL({ ...this.connection(), max: 1 });
    await admin.unsafe("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await admin.unsafe("SELECT pg_reload_conf()");
    const inStep = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
    while ((await admin.unsafe(inStep)).length === 0) await Bun.sleep(LOOK_EVERY_MS);
  }

  async #started(): Promise<void> {
    const { value } = await this.#pids.read();
    this.#pid = Number(new TextDecoder().decode(value));
    const ready = [
      join(this.#programs, "pg_isready"),
      "-q",
      "-h",
      this.#folder,
      "-p",
      `${this.#port}`,
    ];
    while ((await Bun.spawn(ready).exited) !== 0) {
      // While processes of the one before are left, another one ends at once.
      if (!isRunning(this.#pid)) return this.restart();
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }
}

const SERVER_USER = "postgres";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-postgres-"));
  giveToServer(folder);
  return folder;
}

/** Who runs the server may read and write the file, or the folder. */
export function giveToServer(path: string): void {
  if (isRoot()) Bun.spawnSync(["chown", SERVER_USER, path]);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** PostgreSQL refuses to run as root. */
export function asServer(): string[] {
  if (!isRoot()) return [];
  return ["setpriv", `--reuid=${SERVER_USER}`, `--regid=${SERVER_USER}`, "--clear-groups"];
}

function isRunning(pid: number): boolean {
  return readStat(pid) !== "Z";
}

/** Of a process that its parent has not waited for yet: Z. */
function readStat(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch {
    return "Z";
  }
}
