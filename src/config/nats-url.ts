/** Where a NATS is, and how one gets in. */
export interface NatsTarget {
  /** `HOST:PORT` of servers of one cluster; at least one. */
  readonly servers: readonly string[];
  readonly isTls: boolean;
  /** Both, or a token alone in `user`; undefined: neither. */
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export const NATS_URL_FORMS =
  "nats://[USER:PASSWORD@ or TOKEN@]HOST[:PORT][,HOST …], or tls:// for TLS";

/** null for a text that is no such URL, see `NATS_URL_FORMS`. */
export function parseNatsUrl(text: string): NatsTarget | null {
  const scheme = /^(nats|tls):\/\//.exec(text);
  if (scheme === null) return null;
  const rest = text.slice(scheme[0].length).replace(/\/$/, "");
  const at = rest.lastIndexOf("@");
  const servers = rest.slice(at + 1).split(",");
  if (!servers.every((server) => /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(server))) {
    return null;
  }
  const [user, password, ...more] = at < 0 ? [] : rest.slice(0, at).split(":").map(decoded);
  if (more.length > 0 || user === null || password === null) return null;
  if (at >= 0 && (user === "" || user === undefined || password === "")) return null;
  return {
    servers: servers.map((server) => (/:\d+$/.test(server) ? server : `${server}:4222`)),
    isTls: scheme[1] === "tls",
    ...{ user, password },
  };
}

/** null for what is not percent-encoded well. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
