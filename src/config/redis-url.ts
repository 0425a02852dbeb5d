/** Where a Redis is found, and how one gets in. */
export interface RedisTarget {
  /**
   * `single`: one server. `sentinel`: the endpoints are Sentinels, which know the master.
   * `cluster`: they are nodes of a Redis Cluster.
   */
  readonly kind: "single" | "sentinel" | "cluster";
  /** At least one; of a single server exactly one. */
  readonly endpoints: readonly RedisEndpoint[];
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** What Sentinels call the master; "" elsewhere. */
  readonly master: string;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
}

export type RedisEndpoint =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

export const REDIS_URL_FORMS =
  "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, unix:///PATH, " +
  "redis+sentinel://HOST,HOST/MASTER or redis+cluster://HOST,HOST";

const SCHEME = /^(?:redis(s?)(?:\+(sentinel|cluster))?|unix):\/\//;
const DEFAULT_PORTS = { single: 6_379, sentinel: 26_379, cluster: 6_379 } as const;

/** null for a text that is no such URL, see `REDIS_URL_FORMS`. */
export function parseRedisUrl(text: string): RedisTarget | null {
  const scheme = SCHEME.exec(text);
  if (scheme === null) return null;
  if (text.startsWith("unix:")) return parseUnix(text);
  const kind = scheme[2] === undefined ? "single" : (scheme[2] as "sentinel" | "cluster");
  const rest = text.slice(scheme[0].length);
  const [authority = ""] = rest.split(/[/?#]/, 1);
  const at = authority.lastIndexOf("@");
  const hosts = authority.slice(at + 1).split(",");
  const tail = rest.slice(authority.length);
  // Each host with its own URL: what the platform takes for a host and port is one.
  const urls = hosts.map((host) => URL.parse(`http://${authority.slice(0, at + 1)}${host}${tail}`));
  const [first] = urls;
  if (first === undefined || first === null || (kind === "single" && urls.length > 1)) return null;
  const endpoints: RedisEndpoint[] = [];
  for (const [index, url] of urls.entries()) {
    if (url === null || url.hostname === "") return null;
    // The platform leaves the standard port of http out.
    const isHttpPort = /:0*80$/.test(hosts[index] ?? "");
    const port = url.port === "" ? (isHttpPort ? 80 : DEFAULT_PORTS[kind]) : Number(url.port);
    endpoints.push({ host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port });
  }
  const path = first.pathname.slice(1).split("/");
  const master = kind === "sentinel" ? decoded(path.shift() ?? "") : "";
  const database = path.join("/");
  if (master === undefined || (kind === "sentinel") !== (master !== "")) return null;
  if (!/^\d{0,5}$/.test(database) || (kind === "cluster" && Number(database) !== 0)) return null;
  const credentials = credentialsOf(first.username, first.password);
  if (credentials === null || first.hash !== "") return null;
  const parameters = first.searchParams;
  const known = kind === "sentinel" ? ["sentinel_username", "sentinel_password"] : [];
  if ([...parameters.keys()].some((name) => !known.includes(name))) return null;
  return {
    ...{ kind, endpoints, isTls: scheme[1] === "s", master, database: Number(database) },
    ...credentials,
    sentinelUsername: parameters.get("sentinel_username") ?? undefined,
    sentinelPassword: parameters.get("sentinel_password") ?? undefined,
  };
}

/** `unix://[USER:PASSWORD@]/PATH[?db=N]`, as npm clients write it. */
function parseUnix(text: string): RedisTarget | null {
  const match = /^unix:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\/[^?#]+)(?:\?db=(\d{1,5}))?$/.exec(text);
  const path = decoded(match?.[3] ?? "");
  const credentials = credentialsOf(match?.[1] ?? "", match?.[2] ?? "");
  if (match === null || path === undefined || credentials === null) return null;
  return {
    ...{ kind: "single", endpoints: [{ path }], isTls: false, master: "", ...credentials },
    ...{ database: Number(match[4] ?? 0), sentinelUsername: undefined },
    sentinelPassword: undefined,
  };
}

function credentialsOf(username: string, password: string) {
  const [user, secret] = [decoded(username), decoded(password)];
  if (user === undefined || secret === undefined) return null;
  return { username: user || undefined, password: secret || undefined };
}

/** undefined for what is not percent-encoded well. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
