import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { asServer, giveToServer, type PostgresServer } from "./postgres-server.ts";

const PAGE = join(import.meta.dir, "../../docs/deployment.md");
const PORT = 6_432;

/** What `docs/deployment.md` has in its block of the language, line by line. */
export function documentedLines(language: "ini" | "sql"): readonly string[] {
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\n\`\`\``).exec(
    readFileSync(PAGE, "utf8"),
  );
  if (found?.[1] === undefined) throw new Error(`${PAGE} shows no ${language}`);
  return found[1].split("\n");
}

/** A real PgBouncer in front of a server; it listens on a unix socket in a temporary folder. */
export class PgBouncer implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: Subprocess;

  private constructor(folder: string) {
    this.#folder = folder;
    const program = Bun.which("pgbouncer", { PATH: `${process.env.PATH}:/usr/sbin` });
    if (program === null) throw new Error("This test needs pgbouncer");
    this.#process = Bun.spawn([...asServer(), program, "-q", join(folder, "pgbouncer.ini")], {
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  /** With lines of its configuration, from `[pgbouncer]` on. */
  static async start(server: PostgresServer, settings: readonly string[]): Promise<PgBouncer> {
    const folder = mkdtempSync(join(tmpdir(), "parley-pgbouncer-"));
    const { path, port } = server.connection();
    const lines = [
      "[databases]",
      `* = host=${path} port=${port} user=parley`,
      ...settings,
      "listen_addr =",
      `listen_port = ${PORT}`,
      `unix_socket_dir = ${folder}`,
      "auth_type = any",
    ];
    writeFileSync(join(folder, "pgbouncer.ini"), lines.join("\n"));
    giveToServer(folder);
    const started = new PgBouncer(folder);
    const socket = join(folder, `.s.PGSQL.${PORT}`);
    for (;;) {
      const opened = await Bun.connect({ unix: socket, socket: { data() {} } }).catch(() => null);
      opened?.end();
      if (opened !== null) return started;
      if (started.#process.exitCode !== null) throw new Error("pgbouncer ended");
    }
  }

  url(database: string, parameters = ""): string {
    return `postgres://parley:secret@localhost:${PORT}/${database}?host=${this.#folder}${parameters}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}
