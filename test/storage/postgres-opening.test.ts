import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { SQL } from "bun";
import { AppError } from "../../src/errors.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { POSTGRES_MIGRATIONS } from "../../src/storage/postgres-migrations.ts";
import {
  fromPostgres,
  fromPostgresJson,
  toPostgres,
  toPostgresJson,
} from "../../src/storage/postgres-text.ts";
import { postgresTarget } from "../../src/storage/postgres-url.ts";
import { CONTENTS } from "../contract/contents.ts";
import { newCertificate } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { batch, conversation } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

async function faultOf(act: () => Promise<unknown>): Promise<AppError> {
  try {
    await act();
  } catch (fault) {
    if (fault instanceof AppError) return fault;
    throw fault;
  }
  return expect.unreachable("not refused");
}

describe("a URL of PostgreSQL", () => {
  test("says how the database is reached, and in which schema", () => {
    const url = "postgres://ann:a%40b@db.example:6543/chat?sslmode=verify-full&schema=mine";
    expect(postgresTarget(url)).toEqual({
      name: "postgres://ann@db.example:6543/chat",
      ...{ database: "chat", schema: "mine" },
      applicationName: "parley mine",
      hosts: [
        {
          name: "db.example:6543",
          connection: {
            ...{ adapter: "postgres", hostname: "db.example", port: 6_543, database: "chat" },
            ...{ username: "ann", password: "a@b", tls: "verify-full" },
          },
        },
      ],
    });
    expect(postgresTarget("postgresql://[::1]/chat")).toEqual({
      ...{ name: "postgresql://[::1]/chat", database: "chat" },
      ...{ schema: "parley", applicationName: "parley" },
      hosts: [
        {
          name: "[::1]:5432",
          connection: {
            ...{ adapter: "postgres", hostname: "::1", port: 5_432 },
            ...{ database: "chat", tls: "prefer" },
          },
        },
      ],
    });
    expect(postgresTarget("postgres://ann@localhost/chat?host=/run/postgresql").hosts).toEqual([
      {
        name: "/run/postgresql",
        connection: {
          ...{ adapter: "postgres", path: "/run/postgresql", port: 5_432, database: "chat" },
          username: "ann",
        },
      },
    ]);
  });

  test("may name several hosts, as libpq has them", () => {
    const url = "postgres://ann:a,%40b@db1:6543,[::1],db3/chat?target_session_attrs=read-write";
    const { name, hosts } = postgresTarget(url);
    expect(name).toBe("postgres://ann@db1:6543,[::1],db3/chat");
    expect(hosts.map((host) => host.name)).toEqual(["db1:6543", "[::1]:5432", "db3:5432"]);
    const account = { database: "chat", username: "ann", password: "a,@b" };
    expect(hosts.map(({ connection }) => connection)).toMatchObject([
      { ...account, hostname: "db1", port: 6_543 },
      { ...account, hostname: "::1", port: 5_432 },
      { ...account, hostname: "db3", port: 5_432 },
    ]);
    const sockets = postgresTarget("postgres://ann@localhost:6543/chat?host=/run/a,/run/b");
    expect(sockets.hosts.map(({ connection }) => connection)).toMatchObject([
      { path: "/run/a", port: 6_543 },
      { path: "/run/b", port: 6_543 },
    ]);
  });

  const wrong = [
    ["postgres://ann:secret@db:99999/chat", "is no URL"],
    ["postgres://ann:secret@db/chat?schema=Mine;DROP", "has a schema"],
    ["postgres://ann:secret@db/chat?sslmode=maybe", "has an sslmode"],
    ["postgres://ann:secret@db/chat?pool=3", "has the unknown parameter pool"],
    ["postgres://:secret@db/", "names no database"],
    ["postgres://ann:%E0secret@db/chat", "is not encoded"],
    ["postgres://ann:secret@db1,db2:x/chat", "is no URL"],
    ["postgres://ann:secret@db1,db2/chat?host=/run", "names hosts twice"],
    ["postgres://ann:secret@db/chat?target_session_attrs=any", "has a target_session_attrs"],
  ] as const;
  test.each(wrong)("%s is refused without its password", (url, what) => {
    expect(() => postgresTarget(url)).toThrow(`database.url ${what}`);
    try {
      postgresTarget(url);
    } catch (fault) {
      expect(Bun.inspect(fault)).not.toContain("secret");
    }
  });
});

describe("text in PostgreSQL", () => {
  const texts = [
    ...CONTENTS.map(([, text]) => text),
    "\0",
    "\u0001",
    "\0\u0001\0\u0002",
    "\u0001a",
  ];

  test.each(texts)("%j comes back as it was, by itself and within JSON", (text) => {
    expect(toPostgres(text)).not.toContain("\0");
    expect(fromPostgres(toPostgres(text))).toBe(text);
    const value = [text, { text, n: 1 }];
    const json = toPostgresJson(value);
    expect(JSON.stringify(JSON.parse(json))).not.toContain("\\u0000");
    expect(fromPostgresJson(json)).toEqual(value);
  });

  test("keeps its place among others", () => {
    const order = ["", "\0", "\0\0", "\0\u0001", "\0a", "\u0001", "\u0001\0", "\u0002", "a", "é"];
    const bytes = order.map((text) => Buffer.from(toPostgres(text)));
    expect(bytes.toSorted(Buffer.compare)).toEqual(bytes);
  });

  test("has U+FFFD where a surrogate was alone", () => {
    expect(toPostgres("a\ud83db")).toBe("a\ufffdb");
    expect(JSON.parse(toPostgresJson(["a\ud83db"]))).toEqual(["a\ufffdb"]);
  });
});

describe("opening a database", () => {
  test("makes its schema, and says what it found and did", async () => {
    const url = await (await postgresDatabases()).make();
    const log = new RecordedLog();
    await (await openPostgresStorage({ url, log })).close();
    const [line] = log.lines;
    const schema = POSTGRES_MIGRATIONS.length;
    expect(line).toMatchObject({
      ...{ level: "info", message: "The database is open" },
      fields: { schemaBefore: 0, schema },
    });
    // This server does without.
    expect(log.texts).toContain("warn: fsync is off: a crash of its machine may damage it");
    expect(JSON.stringify(log.lines)).not.toContain("secret");
    await (await openPostgresStorage({ url, log })).close();
    expect(log.lines.at(2)).toMatchObject({ fields: { schemaBefore: schema, schema } });
  });

  test("goes step by step, and a step that fails leaves the one before it", async () => {
    const url = await (await postgresDatabases()).make();
    const broken = [
      ...POSTGRES_MIGRATIONS,
      "CREATE TABLE a (n integer)",
      "CREATE TABLE a (n text)",
    ];
    const fault = await faultOf(() => openPostgresStorage({ url, migrations: broken }));
    expect(fault.code).toBe("STORAGE_UNAVAILABLE");
    expect(fault.message).toContain('relation "a" already exists');
    const mended = [...broken.slice(0, -1), "CREATE TABLE b (n text)"];
    const storage = await openPostgresStorage({ url, migrations: mended });
    await storage.chat.commit(batch({ conversations: [conversation()] }));
    await storage.close();
    const newer = await faultOf(() => openPostgresStorage({ url }));
    expect(newer.code).toBe("INVALID_CONFIGURATION");
    expect(newer.message).toContain(`newer Parley (schema ${mended.length}`);
    await (await openPostgresStorage({ url, migrations: mended })).close();
  });

  test("keeps to the schema of its URL, of which there may be several", async () => {
    const url = await (await postgresDatabases()).make();
    const one = await openPostgresStorage({ url });
    const other = await openPostgresStorage({ url: `${url}&schema=other` });
    await one.chat.commit(batch({ conversations: [conversation()] }));
    expect(await other.chat.conversation("chat")).toBeNull();
    await Promise.all([one.close(), other.close()]);
  });

  test("is refused where the account is wrong, may not, or the text is not UTF-8", async () => {
    const databases = await postgresDatabases();
    const { server } = databases;
    const url = await databases.make();
    const nobody = await faultOf(() =>
      openPostgresStorage({ url: url.replace("parley:", "nobody:") }),
    );
    expect(nobody.code).toBe("INVALID_CONFIGURATION");
    expect(nobody.message).toContain('role "nobody" does not exist');
    const admin = new SQL({ ...server.connection(), max: 1 });
    await admin.unsafe("CREATE ROLE guest LOGIN");
    const guest = await faultOf(() =>
      openPostgresStorage({ url: url.replace("parley:", "guest:") }),
    );
    expect(guest.code).toBe("INVALID_CONFIGURATION");
    expect(guest.message).toContain("permission denied");
    await admin.close({ timeout: 1 });
    await (await openPostgresStorage({ url })).close();
    const another = await faultOf(() =>
      openPostgresStorage({ url: url.replace("parley:", "guest:") }),
    );
    for (const { message } of [guest, another]) {
      expect(message).toContain("does not own the one that is there");
    }
    const latin = await databases.make("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const encoded = await faultOf(() => openPostgresStorage({ url: latin }));
    expect(encoded.code).toBe("INVALID_CONFIGURATION");
    expect(encoded.message).toContain("encoding LATIN1");
  });

  test("is refused where the account has too few connections, and says what would be enough", async () => {
    const databases = await postgresDatabases();
    const url = await databases.make();
    const admin = new SQL({ ...databases.server.connection(), max: 1 });
    await admin.unsafe("CREATE ROLE frugal LOGIN CONNECTION LIMIT 1");
    await admin.close({ timeout: 1 });
    const refused = await faultOf(() =>
      openPostgresStorage({ url: url.replace("parley:", "frugal:") }),
    );
    expect(refused.code).toBe("STORAGE_UNAVAILABLE");
    expect(refused.message).toContain("too many connections");
    expect(refused.message).toContain("database.connections of each node, and one more");
  });

  test("needs no right to make schemas where there is one for it", async () => {
    const databases = await postgresDatabases();
    const url = await databases.make();
    const admin = new SQL({ ...databases.server.connection(), max: 1 });
    await admin.unsafe("CREATE ROLE tenant LOGIN");
    await admin.close({ timeout: 1 });
    const name = new URL(url).pathname.slice(1);
    const owner = new SQL({ ...databases.server.connection(name), max: 1 });
    await owner.unsafe("CREATE SCHEMA parley AUTHORIZATION tenant");
    await owner.close({ timeout: 1 });
    const storage = await openPostgresStorage({ url: url.replace("parley:", "tenant:") });
    await storage.chat.commit(batch({ conversations: [conversation()] }));
    await storage.close();
  });
});

describe("a server across a network", () => {
  test("is reached with a password, over TLS where it is asked for, and verified where it is known", async () => {
    using folder = new TemporaryFolder();
    const tcp = { port: await freePort(), pair: newCertificate("postgres") };
    await using server = await PostgresServer.start({ tcp });
    const admin = new SQL({ ...server.connection(), max: 1 });
    await admin.unsafe("ALTER ROLE parley PASSWORD 'secret word'");
    const root = folder.file("root.pem");
    writeFileSync(root, tcp.pair.cert);
    const at = (rest: string, password = "secret%20word") =>
      `postgres://parley:${password}@127.0.0.1:${tcp.port}/postgres${rest}`;
    const isEncrypted = async (url: string) => {
      const storage = await openPostgresStorage({ url });
      await storage.chat.probe();
      const rows = await admin.unsafe(
        `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'parley'`,
      );
      await storage.close();
      // The server's side of a connection ends after this one.
      const left = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'parley'";
      while ((await admin.unsafe(left)).length > 0);
      return rows.map(({ ssl }: { ssl: boolean }) => ssl);
    };
    expect(await isEncrypted(at(""))).toEqual([true]);
    expect(await isEncrypted(at("?sslmode=require"))).toEqual([true]);
    expect(await isEncrypted(at("?sslmode=disable"))).toEqual([false]);
    const verified = `?sslmode=verify-full&sslrootcert=${encodeURIComponent(root)}`;
    expect(await isEncrypted(at(verified))).toEqual([true]);
    const unknown = await faultOf(() => openPostgresStorage({ url: at("?sslmode=verify-full") }));
    expect(unknown.code).toBe("STORAGE_UNAVAILABLE");
    const mistaken = await faultOf(() => openPostgresStorage({ url: at("", "secret2") }));
    expect(mistaken.code).toBe("INVALID_CONFIGURATION");
    expect(mistaken.message).toContain('password authentication failed for user "parley"');
    expect(Bun.inspect(mistaken)).not.toContain("secret2");
    await admin.close({ timeout: 1 });
  });
});
