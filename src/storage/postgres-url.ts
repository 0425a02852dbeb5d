import type { SQL } from "bun";
import { AppError } from "../errors.ts";

/** How a database of PostgreSQL is reached, as its URL says. */
export interface PostgresTarget {
  /** The URL without the password, for logs and errors. */
  readonly name: string;
  /** Of which one takes writes at a time, the one to be preferred first; at least one. */
  readonly hosts: readonly PostgresHost[];
  /** On whichever of them. */
  readonly database: string;
  /** In which all tables are; a name that needs no quotation marks. */
  readonly schema: string;
  /** What the sessions of servers are called. */
  readonly applicationName: string;
}

/** A server, which may follow another one just now. */
export interface PostgresHost {
  /** Its host and port, or the folder of its socket: for logs and errors. */
  readonly name: string;
  readonly connection: SQL.PostgresOrMySQLOptions;
}

const DEFAULT_SCHEMA = "parley";
const DEFAULT_PORT = 5_432;
/** Of a session, in bytes: the server cuts the rest off. */
const LONGEST_NAME = 63;
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];
/** Of libpq's, those that say what Parley needs anyway. */
const SESSION_ATTRIBUTES = ["read-write", "primary"];
/** A URL of several hosts is none by its standard: scheme, user, hosts, the rest. */
const PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#]*)(.*)$/s;

export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text);
}

/**
 * `postgres://user:password@host:port/database`, with `schema`, `sslmode`, `sslrootcert`, `host` (the
 * folder of a unix socket) and `target_session_attrs` as parameters. Several hosts stand behind each
 * other with commas, as libpq has them. Throws AppError INVALID_CONFIGURATION, which begins with
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
  const [, scheme = "", user = "", authority = "", rest = ""] = PARTS.exec(text) ?? [];
  const urls = authority.split(",").map((host) => parsed(`${scheme}${user}${host}${rest}`));
  const [first] = urls;
  if (first === undefined) throw wrong("names no host");
  const { schema = DEFAULT_SCHEMA, target_session_attrs, ...others } = parametersOf(first);
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw wrong("has a schema that is not of small letters, digits and _");
  }
  if (target_session_attrs !== undefined && !SESSION_ATTRIBUTES.includes(target_session_attrs)) {
    throw wrong(`has a target_session_attrs that is none of ${SESSION_ATTRIBUTES.join(", ")}`);
  }
  const database = decoded(first.pathname.slice(1)) || decoded(first.username);
  if (database === "") throw wrong("names no database");
  const folders = others.host?.split(",") ?? [];
  if (folders.length > 0 && urls.length > 1) throw wrong("names hosts twice");
  return {
    name: nameOf(first, authority),
    hosts:
      folders.length > 0
        ? folders.map((host) => hostOf(first, database, { ...others, host }))
        : urls.map((url) => hostOf(url, database, others)),
    ...{ database, schema },
    applicationName: applicationName(schema),
  };
}

function parsed(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw wrong("is no URL of PostgreSQL");
  return url;
}

function hostOf(
  url: URL,
  database: string,
  { sslmode = "prefer", sslrootcert, host, ...others }: Partial<Record<string, string>>,
): PostgresHost {
  for (const name of Object.keys(others)) throw wrong(`has the unknown parameter ${name}`);
  if (!isSslMode(sslmode)) throw wrong(`has an sslmode that is none of ${SSL_MODES.join(", ")}`);
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const isSocket = host?.startsWith("/") === true;
  const hostname = host ?? (decoded(url.hostname).replace(/^\[(.*)\]$/, "$1") || "localhost");
  return {
    name: isSocket ? host : `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
    connection: {
      ...{ adapter: "postgres", database, port },
      ...(isSocket ? { path: host } : { hostname, tls: tlsOf(sslmode, sslrootcert) }),
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

function nameOf(url: URL, hosts: string): string {
  const user = url.username === "" ? "" : `${url.username}@`;
  return `${url.protocol}//${user}${hosts}${url.pathname}`;
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
