import type { SQL } from "bun";
import { AppError } from "../errors.ts";

/** How a database of PostgreSQL is reached, as its URL says. */
export interface PostgresTarget {
  /** The URL without the password, for logs and errors. */
  readonly name: string;
  /** In which all tables are; a name that needs no quotation marks. */
  readonly schema: string;
  /** What the sessions of servers are called. */
  readonly applicationName: string;
  readonly connection: SQL.PostgresOrMySQLOptions;
}

const DEFAULT_SCHEMA = "parley";
const DEFAULT_PORT = 5_432;
/** Of a session, in bytes: the server cuts the rest off. */
const LONGEST_NAME = 63;
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];

export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text);
}

/**
 * `postgres://user:password@host:port/database`, with `schema`, `sslmode`, `sslrootcert` and `host`
 * (the folder of a unix socket) as parameters. Throws AppError INVALID_CONFIGURATION, which begins with
 * `source`, where the URL is from, and does not tell the password.
 */
export function postgresTarget(text: string, source = "database.url"): PostgresTarget {
  try {
    return read(text);
  } catch (fault) {
    if (!(fault instanceof UrlProblem)) throw fault;
    throw new AppError("INVALID_CONFIGURATION", `${source} ${fault.message}`);
  }
}

/** Its message is the rest of a sentence on the URL. */
class UrlProblem extends Error {}

function read(text: string): PostgresTarget {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw wrong("is no URL of PostgreSQL");
  const { schema = DEFAULT_SCHEMA, sslmode, sslrootcert, host, ...others } = parametersOf(url);
  for (const name of Object.keys(others)) throw wrong(`has the unknown parameter ${name}`);
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw wrong("has a schema that is not of small letters, digits and _");
  }
  const mode = sslmode ?? "prefer";
  if (!isSslMode(mode)) throw wrong(`has an sslmode that is none of ${SSL_MODES.join(", ")}`);
  const database = decoded(url.pathname.slice(1)) || decoded(url.username);
  if (database === "") throw wrong("names no database");
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const isSocket = host?.startsWith("/") === true;
  const hostname = host ?? (decoded(url.hostname).replace(/^\[(.*)\]$/, "$1") || "localhost");
  return {
    name: nameOf(url),
    schema,
    applicationName: applicationName(schema),
    connection: {
      ...{ adapter: "postgres", database, port },
      ...(isSocket ? { path: host } : { hostname, tls: tlsOf(mode, sslrootcert) }),
      ...(url.username === "" ? {} : { username: decoded(url.username) }),
      ...(url.password === "" ? {} : { password: decoded(url.password) }),
    },
  };
}

/** Servers of one schema are told from those of another in the same database. */
function applicationName(schema: string): string {
  if (schema === DEFAULT_SCHEMA) return "parley";
  return `parley ${schema}`.slice(0, LONGEST_NAME);
}

function tlsOf(mode: SslMode, rootCertificate: string | undefined) {
  if (rootCertificate === undefined || mode === "disable") return mode;
  return { ca: Bun.file(rootCertificate) };
}

function parametersOf(url: URL): Partial<Record<string, string>> {
  return Object.fromEntries(url.searchParams);
}

function nameOf(url: URL): string {
  const shown = new URL(url);
  shown.password = "";
  shown.search = "";
  return shown.href;
}

function isSslMode(mode: string): mode is SslMode {
  return SSL_MODES.some((known) => known === mode);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong("is not encoded as URLs are");
  }
}

function wrong(what: string): UrlProblem {
  return new UrlProblem(what);
}
