import { afterEach, describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { jwtVerify } from "jose";
import packageJson from "../package.json" with { type: "json" };
import {
  type CliContext,
  type DatabasePort,
  type MigrationProgress,
  type MigrationTask,
  type ProcessPort,
  runCli,
  type StartServer,
} from "../src/cli.ts";
import { describeSettings } from "../src/config.ts";
import { AppError } from "../src/errors.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const NOW = Date.UTC(2026, 0, 2, 12, 0, 0);

interface Run {
  /** Resolves with the exit code. */
  readonly done: Promise<number>;
  /** Resolves when the log says so. */
  readonly ready: Promise<void>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly process: FakeProcess;
  /** Lets the time of everything scheduled come. */
  readonly timeIsUp: () => void;
}

class FakeProcess extends EventEmitter implements ProcessPort {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function run(argv: readonly string[], options: Partial<CliContext> = {}): Run {
  const out: string[] = [];
  const err: string[] = [];
  const scheduled = new Set<() => void>();
  const process = new FakeProcess();
  const ready = Promise.withResolvers<void>();
  const done = runCli({
    argv,
    env: {},
    cwd: "/srv",
    readFile: () => undefined,
    stdout: (text) => {
      out.push(text);
      if (text.includes("Parley is ready")) ready.resolve();
    },
    stderr: (text) => err.push(text),
    isTerminal: false,
    isErrorTerminal: false,
    clock: {
      now: () => NOW,
      monotonicMs: () => 0,
      schedule: (_, task) => {
        scheduled.add(task);
        return { cancel: () => scheduled.delete(task) };
      },
    },
    process,
    startServer: () => Promise.reject(new Error("no server was asked for")),
    database: fakeDatabase(() => Promise.reject(new Error("no database was asked for"))).database,
    parent: null,
    children: {
      makeFolder: () => "/run/parley",
      removeFolder() {},
      start: () => {
        throw new Error("no process was asked for");
      },
      openHub: async () => ({ close() {} }),
    },
    ...options,
  });
  return {
    done,
    ready: ready.promise,
    process,
    stdout: () => out.join(""),
    stderr: () => err.join(""),
    timeIsUp: () => {
      for (const task of scheduled) task();
    },
  };
}

/** A server that tells how it was started and stopped. */
function fakeServer(
  stop: (reason: string) => Promise<void> = async () => {},
  failed = Promise.withResolvers<Error>(),
) {
  const starts: Parameters<StartServer>[0][] = [];
  const reasons: string[] = [];
  const startServer: StartServer = async (options) => {
    starts.push(options);
    return {
      url: "http://127.0.0.1:8080",
      tcpUrl: undefined,
      redirectUrl: undefined,
      ports: { web: 8080, tcp: null, redirect: null },
      failed: failed.promise,
      stop: (reason) => {
        reasons.push(reason);
        return stop(reason);
      },
    };
  };
  return { startServer, starts, reasons };
}

type Contents = Awaited<ReturnType<DatabasePort["restore"]>>;
type BackupTask = Parameters<DatabasePort["backUp"]>[0];

/** Tells what it was asked for, and answers what `answer` does. */
function fakeDatabase(answer: () => Promise<Contents>) {
  const backups: BackupTask[] = [];
  const restores: Parameters<DatabasePort["restore"]>[0][] = [];
  const database: DatabasePort = {
    backUp: (task) => {
      backups.push(task);
      return answer();
    },
    restore: (task) => {
      restores.push(task);
      return answer();
    },
    migrate: () => Promise.reject(new Error("no migration was asked for")),
  };
  return { database, backups, restores };
}

function logLines(text: string): { level: string; msg: string }[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

describe("help and version", () => {
  test.each(["help", "--help", "serve --help", "-h"])("%s lists all", async (words) => {
    const { done, stdout } = run(words.split(" "));
    expect(await done).toBe(0);
    for (const { flag, description } of describeSettings()) {
      expect(stdout()).toContain(`  ${flag}`);
      expect(stdout()).toContain(description);
    }
    for (const command of [
      ...["serve", "token", "backup", "restore", "migrate", "health", "status", "version", "help"],
      ...["keys", "notices dead", "notices replay", "webhooks replay"],
    ]) {
      expect(stdout()).toMatch(new RegExp(`^ {2}${command}`, "m"));
    }
  });

  test("help comes even when the settings are wrong", async () => {
    expect(await run(["serve", "--port=x", "--help"]).done).toBe(0);
  });

  test.each(["version", "--version"])("%s tells Parley's and Bun's", async (word) => {
    const { done, stdout } = run([word]);
    expect(await done).toBe(0);
    expect(stdout()).toBe(`parley ${packageJson.version} (bun ${Bun.version})\n`);
  });
});

describe("a command line that is not understood exits with 2", () => {
  test.each([
    [["sevre"], "sevre is not a command. Did you mean serve?"],
    [["toString"], "toString is not a command."],
    [["serve", "now"], "serve takes no argument now."],
    [["--prot=1"], "--prot is not a flag. Did you mean --port?"],
    [["serve", "--user", "ada"], "--user is not a flag."],
    [["token"], "token needs --user ID"],
    [["token", "--user", "ada", "--expires", "soon"], '--expires is "soon"'],
    [["token", "--user", "ada", "--expires", "0h"], '--expires is "0h"'],
    [["backup"], "backup needs FILE, the path of the backup."],
    [["backup", ""], "backup needs FILE"],
    [["backup", "a.db", "b.db"], "backup takes no argument b.db."],
    [["backup", "a.db", "--force=yes"], "--force takes no value."],
    [["backup", "a.db", "--forse"], "--forse is not a flag. Did you mean --force?"],
    [["restore"], "restore needs FILE"],
    [["restore", "a.db", "--force"], "--force is not a flag."],
    [["migrate"], "migrate needs --from sqlite:FILE."],
    [
      ["migrate", "--from", "sqlite:", "--to", "postgres://db/p"],
      "migrate needs --from sqlite:FILE",
    ],
    [
      ["migrate", "--from", "old.db", "--to", "postgres://db/p"],
      "migrate needs --from sqlite:FILE",
    ],
    [["migrate", "--from", "sqlite:a.db"], "migrate needs --to postgres://…, or database.url"],
    [["migrate", "--from", "sqlite:a.db", "--to", "sqlite:b.db"], "--to is no URL of PostgreSQL"],
    [["migrate", "--from", "postgres://db/p", "--to", "sqlite:b.db"], "and not the other way"],
    [["migrate", "a.db"], "migrate takes no argument a.db."],
    [["health", "--port=0"], "health needs --url"],
    [["health", "--url", "nowhere"], "--url is no URL"],
    [["status", "--port=0"], "status needs --url"],
    [["notices"], "notices needs what is to be done: dead, or replay."],
    [["notices", "forget"], "notices needs what is to be done: dead, or replay."],
    [["notices", "dead", "one"], "notices dead lists all, and takes no ID."],
    [["notices", "dead", "--all"], "notices dead lists all, and takes no ID."],
    [["notices", "replay"], "notices replay needs --all, or the ID of each"],
    [["notices", "replay", "--all", "one"], "notices replay needs --all, or the ID of each"],
    [["notices", "replay", "--all", "--json"], "notices replay takes no --json."],
    [["notices", "dead", "--port=0"], "notices needs --url"],
    [["webhooks"], "webhooks needs what is to be done: replay."],
    [["webhooks", "replay", "all"], "webhooks takes no argument all."],
    [["webhooks", "replay"], "webhooks replay needs --from TIME"],
    [["webhooks", "replay", "--from", "yesterday"], "webhooks replay needs --from TIME"],
    [["webhooks", "replay", "--from=2026-01-31T18:00:00Z", "--port=0"], "webhooks needs --url"],
  ])("%j", async (argv, message) => {
    const { done, stdout, stderr } = run(argv);
    expect(await done).toBe(2);
    expect(stderr()).toContain(message);
    expect(stderr()).toEndWith("See parley help.\n");
    expect(stdout()).toBe("");
  });
});

describe("keys vapid", () => {
  test("prints a pair that the server takes, to be pasted into an environment file", async () => {
    const { done, stdout, stderr } = run(["keys", "vapid"]);
    expect(await done).toBe(0);
    expect(stderr()).toBe("");
    const lines = stdout().trimEnd().split("\n");
    const env = Object.fromEntries(
      lines.filter((line) => !line.startsWith("#")).map((line) => line.split("=", 2)),
    );
    expect(Object.keys(env)).toEqual(["PARLEY_WEBPUSH_PUBLIC_KEY", "PARLEY_WEBPUSH_PRIVATE_KEY"]);
    const subject = { PARLEY_WEBPUSH_SUBJECT: "mailto:operator@chat.example" };
    const again = run(["keys", "vapid", "--json"], { env: { ...env, ...subject } });
    expect(await again.done).toBe(0);
    const other = JSON.parse(again.stdout());
    expect(Object.keys(other)).toEqual(["publicKey", "privateKey"]);
    expect(other.publicKey).not.toBe(env.PARLEY_WEBPUSH_PUBLIC_KEY);
  });

  test("is asked for by its whole name", async () => {
    for (const argv of [["keys"], ["keys", "rsa"]]) {
      const { done, stderr } = run(argv);
      expect(await done).toBe(2);
      expect(stderr()).toContain("keys needs what they are for: keys vapid.");
    }
  });
});

describe("token", () => {
  const key = new TextEncoder().encode(SECRET);
  const env = { PARLEY_JWT_SECRET: SECRET };

  test("prints a token for the user and nothing else", async () => {
    const argv = ["token", "--user", "ada", "--name", "Ada L.", "--expires", "30m"];
    const { done, stdout, stderr } = run(argv, { env });
    expect(await done).toBe(0);
    expect(stderr()).toBe("");
    expect(stdout()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { payload, protectedHeader } = await jwtVerify(stdout().trim(), key, {
      currentDate: new Date(NOW),
    });
    expect(protectedHeader.alg).toBe("HS256");
    expect(payload).toEqual({
      sub: "ada",
      name: "Ada L.",
      iat: NOW / 1000,
      exp: NOW / 1000 + 1800,
    });
  });

  test("holds for twelve hours, and for the server's own audience and issuer", async () => {
    const argv = ["token", "--user=ada", "--jwt-audience=chat", "--jwt-issuer=me"];
    const { done, stdout } = run(argv, { env });
    expect(await done).toBe(0);
    const options = { currentDate: new Date(NOW), audience: "chat", issuer: "me" };
    const { payload } = await jwtVerify(stdout().trim(), key, options);
    expect(payload.exp).toBe(NOW / 1000 + 12 * 3600);
    expect(payload).not.toHaveProperty("name");
  });

  test("has roles, and claims by the server's own names and algorithm", async () => {
    const argv = ["token", "--user=ada", "--name=Ada", "--role=admin,editor"];
    const flags = [
      ...["--jwt-user-id-claim=user.id", "--jwt-name-claim=user.name"],
      ...["--jwt-roles-claim=https://app.example/roles"],
      ...["--jwt-algorithms=HS512", `--jwt-secret=${SECRET}${SECRET}`],
    ];
    const { done, stdout } = run([...argv, ...flags]);
    expect(await done).toBe(0);
    const { payload, protectedHeader } = await jwtVerify(
      stdout().trim(),
      new TextEncoder().encode(SECRET + SECRET),
      { currentDate: new Date(NOW) },
    );
    expect(protectedHeader.alg).toBe("HS512");
    expect(payload).toMatchObject({
      user: { id: "ada", name: "Ada" },
      "https://app.example/roles": ["admin", "editor"],
    });
  });

  test("is refused without a secret", async () => {
    const { done, stdout, stderr } = run(["token", "--user", "ada"]);
    expect(await done).toBe(1);
    expect(stdout()).toBe("");
    expect(stderr()).toContain("PARLEY_JWT_SECRET");
  });
});

describe("backup and restore", () => {
  const contents: Contents = {
    ...{ bytes: 4096, conversations: 2, messages: 30, tookMs: 7, warnings: [] },
    ...{ path: "/data/parley.db", keptAs: null },
  };

  test("backup takes the settings of the server, and tells what it has made", async () => {
    const { database, backups } = fakeDatabase(async () => contents);
    const argv = ["backup", "--data-dir=/data", "night.db"];
    const { done, stdout, stderr } = run(argv, { database });
    expect(await done).toBe(0);
    expect(stdout()).toBe("/srv/night.db: 4096 bytes, 2 conversations, 30 messages, 7 ms\n");
    expect(stderr()).toBe("");
    expect(backups).toMatchObject([{ file: "/srv/night.db", overwrite: false }]);
    expect(backups[0]?.settings.database.url).toBe("sqlite:/data/parley.db");
  });

  test.each([[["backup", "/b/night.db", "--force"]], [["backup", "--force", "/b/night.db"]]])(
    "%j may replace a file",
    async (argv) => {
      const { database, backups } = fakeDatabase(async () => contents);
      expect(await run(argv, { database }).done).toBe(0);
      expect(backups).toMatchObject([{ file: "/b/night.db", overwrite: true }]);
    },
  );

  test("restore tells what is there now, and where the former database is", async () => {
    const keptAs = "/data/parley.db.before-restore-20260102T120000.000Z";
    const { database, restores } = fakeDatabase(async () => ({ ...contents, keptAs }));
    const { done, stdout } = run(["restore", "night.db"], { database });
    expect(await done).toBe(0);
    expect(stdout()).toBe(
      "/data/parley.db: 4096 bytes, 2 conversations, 30 messages, 7 ms\n" +
        `The former database is kept as ${keptAs}\n`,
    );
    expect(restores).toMatchObject([{ file: "/srv/night.db" }]);
  });

  test("restore without a former database tells of none", async () => {
    const { database } = fakeDatabase(async () => contents);
    const { done, stdout } = run(["restore", "night.db"], { database });
    expect(await done).toBe(0);
    expect(stdout()).not.toContain("former");
  });

  test("what is missing in the database is a warning", async () => {
    const warnings = ["1 messages are missing"];
    const { database } = fakeDatabase(async () => ({ ...contents, warnings }));
    const { done, stderr } = run(["backup", "night.db"], { database });
    expect(await done).toBe(0);
    expect(stderr()).toBe("parley: warning: 1 messages are missing.\n");
  });

  test.each(["INVALID_CONFIGURATION", "DATABASE_DAMAGED", "STORAGE_UNAVAILABLE"] as const)(
    "a refusal (%s) is told in words and exits with 1",
    async (code) => {
      const error = new AppError(code, "that cannot be.", { cause: new Error("inner") });
      const { database } = fakeDatabase(() => Promise.reject(error));
      for (const command of ["backup", "restore"]) {
        const { done, stdout, stderr } = run([command, "night.db"], { database });
        expect(await done).toBe(1);
        expect(stderr()).toBe("parley: that cannot be.\n");
        expect(stdout()).toBe("");
      }
    },
  );
});

describe("migrate", () => {
  const argv = ["migrate", "--from", "sqlite:old.db", "--to", "postgres://ann:secret@db/chat"];
  const migrated = {
    target: "postgres://ann@db/chat",
    tables: [
      { table: "messages", rows: 1_234, checksum: "0123456789abcdef0123" },
      { table: "users", rows: 5, checksum: "fedcba98765432100123" },
    ],
  };

  /** Reports, each so many milliseconds after the one before it. */
  function migrating(reports: readonly (readonly [ms: number, MigrationProgress])[]) {
    const tasks: MigrationTask[] = [];
    let nowMs = 0;
    const database: DatabasePort = {
      ...fakeDatabase(() => Promise.reject(new Error("no backup was asked for"))).database,
      async migrate(task) {
        tasks.push(task);
        for (const [ms, progress] of reports) {
          nowMs += ms;
          task.onProgress(progress);
        }
        return migrated;
      },
    };
    const clock = {
      now: () => NOW,
      monotonicMs: () => nowMs,
      schedule: () => ({ cancel() {} }),
    };
    return { tasks, options: { database, clock } };
  }

  const moving = (done: number): MigrationProgress => {
    return { phase: "moving", what: "messages", done, total: 4_000 };
  };

  test("goes from a file to a URL, and tells what both hold in the end", async () => {
    const { tasks, options } = migrating([]);
    const { done, stdout, stderr } = run(argv, options);
    expect(await done).toBe(0);
    expect(tasks).toMatchObject([{ path: "/srv/old.db", url: argv[4], urlName: "--to" }]);
    expect(stdout()).toBe(
      [
        "postgres://ann@db/chat holds what /srv/old.db does (rows, SHA-256):",
        "  messages  1234  0123456789abcdef",
        "  users        5  fedcba9876543210",
        "Start Parley with database.url set to it. The SQLite database is as it was.\n",
      ].join("\n"),
    );
    expect(stderr()).toBe("");
  });

  test("goes to the database of the settings where it is told no other", async () => {
    const { tasks, options } = migrating([]);
    const env = { PARLEY_DATABASE_URL: "postgres://ann:secret@db/chat" };
    expect(await run(argv.slice(0, 3), { ...options, env }).done).toBe(0);
    expect(tasks).toMatchObject([{ url: env.PARLEY_DATABASE_URL, urlName: "database.url" }]);
  });

  test("writes a line every few seconds, with the pace and what is left", async () => {
    const { options } = migrating([
      [0, { phase: "reading", what: "/srv/old.db", done: 0, total: 0 }],
      ...([
        [10, moving(1_000)],
        [1_000, moving(1_500)],
        [4_000, moving(3_500)],
      ] as const),
      [100, moving(4_000)],
      [0, { phase: "indexing", what: "words", done: 0, total: 2 }],
      [9, { phase: "indexing", what: "events", done: 1, total: 2 }],
      [0, { phase: "checking", what: "messages", done: 0, total: 4_000 }],
    ]);
    const { done, stderr } = run(argv, options);
    expect(await done).toBe(0);
    expect(stderr()).toBe(
      [
        "Reading /srv/old.db",
        "Moving messages: 25 %, 1000 of 4000 rows",
        "Moving messages: 87 %, 3500 of 4000 rows, 500 rows/s, 1 s left",
        "Moving messages: 100 %, 4000 of 4000 rows, 588 rows/s",
        "Building the index words (1 of 2)",
        "Building the index events (2 of 2)",
        "Checking messages: 0 %, 0 of 4000 rows\n",
      ].join("\n"),
    );
  });

  test("draws a bar on a terminal, on one line of each phase", async () => {
    const { options } = migrating([
      ...([
        [0, moving(1_000)],
        [50, moving(1_500)],
        [60, moving(2_000)],
      ] as const),
      [200_000, { phase: "checking", what: "users", done: 0, total: 4_000 }],
      [200_000, { phase: "checking", what: "users", done: 40, total: 4_000 }],
    ]);
    const { done, stderr } = run(argv, { ...options, isErrorTerminal: true });
    expect(await done).toBe(0);
    const clear = "\r\u001b[K";
    expect(stderr()).toBe(
      [
        `${clear}Moving messages: [######..................] 25 %, 1000 of 4000 rows`,
        `${clear}Moving messages: [############............] 50 %, 2000 of 4000 rows, 9091 rows/s, 1 s left\n`,
        `${clear}Checking users: [........................] 0 %, 0 of 4000 rows`,
        `${clear}Checking users: [........................] 1 %, 40 of 4000 rows, 0 rows/s, 5 h 30 min left\n`,
      ].join(""),
    );
  });

  test("that ends early says why on a line of its own, and says nothing of the password", async () => {
    const { options } = migrating([]);
    const database: DatabasePort = {
      ...options.database,
      async migrate({ onProgress }) {
        onProgress(moving(1_000));
        const cause = new Error("the server went away");
        throw new AppError("STORAGE_UNAVAILABLE", "it does not go on", { cause });
      },
    };
    const { done, stdout, stderr } = run(argv, { ...options, database, isErrorTerminal: true });
    expect(await done).toBe(1);
    expect(stdout()).toBe("");
    expect(stderr()).toEndWith("\nparley: it does not go on (the server went away)\n");
    const wrong = run(["migrate", "--from", "sqlite:a.db", "--to", "pg://ann:secret@db"]);
    expect(await wrong.done).toBe(2);
    expect(wrong.stderr()).not.toContain("secret");
  });
});

describe("serve refuses to start with exit code 1", () => {
  test("when the store cannot be reached, in words and without a stack", async () => {
    const cause = new Error("SQLITE_IOERR: disk I/O error");
    const error = new AppError("STORAGE_UNAVAILABLE", "the store cannot be opened", { cause });
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toBe("parley: the store cannot be opened (SQLITE_IOERR: disk I/O error)\n");
  });

  test("when the database is damaged, in words and without a stack", async () => {
    const error = new AppError("DATABASE_DAMAGED", "the database is damaged.");
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toBe("parley: the database is damaged.\n");
  });

  test("when a setting is wrong, in words and without a stack", async () => {
    const { done, stdout, stderr } = run(["serve", "--port=x"]);
    expect(await done).toBe(1);
    expect(stderr()).toBe(
      'parley: port is "x" (from --port); expected a whole number from 0 to 65535.\n',
    );
    expect(stdout()).toBe("");
  });

  test("on every address without authentication", async () => {
    const { done, stderr } = run(["--host", "0.0.0.0"]);
    expect(await done).toBe(1);
    expect(stderr()).toStartWith(
      "parley: Parley does not listen on 0.0.0.0 without authentication",
    );
    expect(stderr()).not.toContain("    at ");
  });

  test("when the server finds a setting wrong", async () => {
    const error = new AppError("INVALID_CONFIGURATION", "data.dir cannot be written.");
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toBe("parley: data.dir cannot be written.\n");
  });

  test("when anything else fails, with stack and causes", async () => {
    const error = new Error("outer", { cause: new TypeError("inner") });
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toContain("outer");
    expect(stderr()).toContain("caused by TypeError: inner");
    expect(stderr()).toContain("cli.test.ts");
  });
});

describe("serve", () => {
  test.each([
    { argv: [], port: 8080 },
    { argv: ["serve"], port: 8080 },
    { argv: ["--port=9000"], port: 9000 },
    { argv: ["serve", "--port", "9000"], port: 9000 },
  ])("starts with %j, says that it is ready, and stops in order", async ({ argv, port }) => {
    const server = fakeServer();
    const { done, ready, stdout, stderr, process } = run(argv, server);
    await ready;
    expect(server.starts.map(({ settings }) => settings.port)).toEqual([port]);
    process.emit("SIGTERM");
    expect(await done).toBe(0);
    expect(server.reasons).toEqual(["SIGTERM"]);
    expect(stderr()).toBe("");
    expect(logLines(stdout())).toMatchObject([
      { level: "info", msg: "Parley is ready", url: "http://127.0.0.1:8080" },
    ]);
  });

  test("stops in order at SIGINT, and lets go of the process", async () => {
    const server = fakeServer();
    const { done, ready, process } = run([], server);
    await ready;
    process.emit("SIGINT");
    expect(await done).toBe(0);
    expect(process.exits).toEqual([]);
    expect(process.eventNames()).toEqual([]);
  });

  test("a signal during the start is obeyed after it", async () => {
    const opening = Promise.withResolvers<void>();
    const server = fakeServer();
    const startServer: StartServer = async (options) => {
      await opening.promise;
      return server.startServer(options);
    };
    const { done, process } = run([], { startServer });
    process.emit("SIGTERM");
    opening.resolve();
    expect(await done).toBe(0);
    expect(server.reasons).toEqual(["SIGTERM"]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second signal, %s, ends the process at once with %d", async (signal, code) => {
    const stopping = Promise.withResolvers<void>();
    const server = fakeServer(() => stopping.promise);
    const { done, ready, process } = run([], server);
    await ready;
    process.emit("SIGTERM");
    expect(process.exits).toEqual([]);
    process.emit(signal);
    expect(process.exits).toEqual([code]);
    stopping.resolve();
    await done;
  });

  test.each(["uncaughtException", "unhandledRejection"] as const)(
    "%s is logged as fatal once, stops in order, and exits with 1",
    async (event) => {
      const server = fakeServer();
      const { done, ready, stdout, process } = run([], server);
      await ready;
      process.emit(event, new Error("first"));
      process.emit(event, new Error("second"));
      expect(await done).toBe(1);
      expect(server.reasons).toEqual(["fault"]);
      const fatal = logLines(stdout()).filter(({ level }) => level === "fatal");
      expect(fatal).toMatchObject([{ error: { message: "first" } }]);
    },
  );

  test("a server that cannot go on is stopped in order, and says why", async () => {
    const failed = Promise.withResolvers<Error>();
    const server = fakeServer(async () => {}, failed);
    const { done, ready, stdout } = run([], server);
    await ready;
    failed.resolve(new Error("taken by another"));
    expect(await done).toBe(1);
    expect(server.reasons).toEqual(["fault"]);
    const fatal = logLines(stdout()).filter(({ level }) => level === "fatal");
    expect(fatal).toMatchObject([{ error: { message: "taken by another" } }]);
  });

  test("a fault during the start ends the process", async () => {
    const { process } = run([], { startServer: () => Promise.withResolvers<never>().promise });
    process.emit("uncaughtException", new Error("early"));
    expect(process.exits).toEqual([1]);
  });

  test("a stop that fails or hangs exits with 1", async () => {
    const failing = fakeServer(() => Promise.reject(new Error("disk gone")));
    const failed = run([], failing);
    await failed.ready;
    failed.process.emit("SIGTERM");
    expect(await failed.done).toBe(1);
    expect(failed.stdout()).toContain("disk gone");

    const hanging = fakeServer(() => Promise.withResolvers<never>().promise);
    const hung = run([], hanging);
    await hung.ready;
    hung.process.emit("SIGTERM");
    while (hanging.reasons.length === 0) await Promise.resolve();
    hung.timeIsUp();
    expect(await hung.done).toBe(1);
    expect(hung.stdout()).toContain("did not stop in time");
  });

  test("warns of unknown variables and of trusting everyone", async () => {
    const server = fakeServer();
    const env = { PARLEY_PROT: "1", PARLEY_HOST: "0.0.0.0", PARLEY_INSECURE_TRUST_USER_ID: "true" };
    const { done, ready, stdout, process } = run([], { ...server, env });
    await ready;
    process.emit("SIGTERM");
    await done;
    const warnings = logLines(stdout()).filter(({ level }) => level === "warn");
    expect(warnings.map(({ msg }) => msg)).toEqual([
      "PARLEY_PROT is not a setting. Did you mean PARLEY_PORT?",
      "insecure_trust_user_id is on: anyone can be any user",
    ]);
  });

  test("writes no secret anywhere", async () => {
    const server = fakeServer();
    const { done, ready, stdout, stderr, process } = run(
      ["--log-level=trace", "--jwt-secret", SECRET],
      server,
    );
    await ready;
    process.emit("SIGTERM");
    await done;
    expect(stdout() + stderr()).not.toContain(SECRET);
  });
});

describe("health", () => {
  const servers: Bun.Server<undefined>[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
  });

  /** Answers the health document with `status`; tells the paths that were asked for. */
  function listen(status: number) {
    const paths: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        paths.push(new URL(request.url).pathname);
        return new Response("{}", { status });
      },
    });
    servers.push(server);
    return { port: server.port, paths };
  }

  test("exits with 0 when the server on the configured port is well", async () => {
    const { port, paths } = listen(200);
    const env = { PARLEY_PORT: String(port), PARLEY_HOST: "0.0.0.0" };
    expect(await run(["health"], { env }).done).toBe(0);
    expect(paths).toEqual(["/api/websocket/health"]);
  });

  test("asks the given URL, at its path if it has one", async () => {
    const { port, paths } = listen(200);
    expect(await run(["health", "--url", `http://127.0.0.1:${port}`]).done).toBe(0);
    expect(await run(["health", `--url=http://127.0.0.1:${port}/chat/health`]).done).toBe(0);
    expect(paths).toEqual(["/api/websocket/health", "/chat/health"]);
  });

  test("exits with 1 when the server is not well, or not there", async () => {
    const { port } = listen(503);
    const unwell = run(["health", `--port=${port}`]);
    expect(await unwell.done).toBe(1);
    expect(unwell.stderr()).toContain("answers with status 503");

    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
    const absent = run(["health", `--port=${port}`]);
    expect(await absent.done).toBe(1);
    expect(absent.stderr()).toContain("does not answer");
  });

  test("does not wait for ever", async () => {
    const asked = Promise.withResolvers<void>();
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked.resolve();
        return Promise.withResolvers<never>().promise;
      },
    });
    servers.push(server);
    const { done, timeIsUp, stderr } = run(["health", `--port=${server.port}`]);
    await asked.promise;
    timeIsUp();
    expect(await done).toBe(1);
    expect(stderr()).toContain("did not answer within 5000 ms");
  });
});

describe("status", () => {
  const servers: Bun.Server<undefined>[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(true)));
  });

  const KEY = "k".repeat(32);
  const node = {
    ...{ id: "one", version: "1.2.3", startedAt: "2026-01-01T00:00:00.000Z", connections: 12 },
    ...{ onlineUsers: 3, isSelf: true, isConnected: true, heardAt: "2026-01-02T12:00:00.000Z" },
    differs: [] as string[],
  };

  function listen(answer: (key: string | null) => Response) {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        if (new URL(request.url).pathname !== "/api/nodes")
          return new Response("", { status: 404 });
        return answer(request.headers.get("x-api-key"));
      },
    });
    servers.push(server);
    return ["status", `--port=${server.port}`];
  }

  test("lists the nodes as the server on the configured port knows them, by its key", async () => {
    const other = { ...node, id: "another", isSelf: false, isConnected: false, connections: 0 };
    const argv = listen((key) => {
      if (key !== KEY) return new Response("", { status: 401 });
      return Response.json({ backplane: "CONNECTED", nodes: [node, other] });
    });
    const listed = run(argv, { env: { PARLEY_API_KEYS: KEY } });
    expect(await listed.done).toBe(0);
    expect(
      listed
        .stdout()
        .split("\n")
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ["NODE", "VERSION", "SINCE", "CONNECTIONS", "USERS", "BACKPLANE", "LAST BEAT"],
      ["one (asked)", "1.2.3", node.startedAt, "12", "3", "connected", node.heardAt],
      ["another", "1.2.3", node.startedAt, "0", "3", "not connected", node.heardAt],
      [""],
    ]);
    const json = run([...argv, "--json"], { env: { PARLEY_API_KEYS: KEY } });
    expect(await json.done).toBe(0);
    expect(JSON.parse(json.stdout())).toEqual({ backplane: "CONNECTED", nodes: [node, other] });
  });

  test("says what does not fit together", async () => {
    const differs = ["jwt.secret", "attachments.store"];
    const others = [
      { ...node, id: "two", isSelf: false, differs },
      { ...node, id: "three", isSelf: false, version: "1.3.0" },
      { ...node, id: "three", isSelf: false },
    ];
    const nodes = [node, ...others];
    const listed = run(listen(() => Response.json({ backplane: "CONNECTED", nodes })));
    expect(await listed.done).toBe(0);
    expect(listed.stdout().split("\n").slice(5)).toEqual([
      "",
      "two has other values than the one asked of jwt.secret, attachments.store: all nodes must have the same",
      "three is the name of several nodes: give each its own node.id",
      "The nodes are of several versions: bring all to one",
      "",
    ]);
  });

  test("understands a server that does not say in what its nodes differ", async () => {
    const { differs: _, ...older } = node;
    const listed = run(listen(() => Response.json({ backplane: "CONNECTED", nodes: [older] })));
    expect(await listed.done).toBe(0);
  });

  test("says what a node that is alone is", async () => {
    const listed = run(listen(() => Response.json({ backplane: "LOCAL", nodes: [node] })));
    expect(await listed.done).toBe(0);
    expect(listed.stdout()).toContain("  alone  ");
  });

  test.each([
    ["a key is wanted", {}, 401, "asks for an API key"],
    ["the key is another", { PARLEY_API_KEYS: KEY }, 401, "does not know this API key"],
    ["the server is stopping", {}, 503, "answers with status 503"],
    ["it is another program", {}, 200, "answers something else"],
  ])("exits with 1 when %s", async (_, env, status, message) => {
    const refused = run(
      listen(() => new Response("<p>", { status })),
      { env },
    );
    expect(await refused.done).toBe(1);
    expect(refused.stderr()).toContain(message);
    expect(refused.stderr()).not.toContain(KEY);
  });
});
