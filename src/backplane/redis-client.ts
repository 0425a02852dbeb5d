import { createClient } from "redis";
import type { RedisEndpoint } from "../config/redis-url.ts";

export interface RedisClientOptions {
  readonly endpoint: RedisEndpoint;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** What Redis lists the connection as. */
  readonly name: string;
  readonly connectMs: number;
  /** RESP2 is understood by every Redis and by what stands in for one. */
  readonly protocol: 2 | 3;
}

/**
 * A client for one connection, which it does not make again: whoever holds it knows how long to wait,
 * what to subscribe to and what was lost. No command has a time limit of its own, since that would be a
 * timer for each; the connection has one.
 */
export function newRedisClient(options: RedisClientOptions) {
  const { endpoint, isTls, username, password, database, name, connectMs, protocol } = options;
  const common = { connectTimeout: connectMs, reconnectStrategy: false } as const;
  const socket =
    "path" in endpoint
      ? { ...common, path: endpoint.path, tls: false as const }
      : { ...common, host: endpoint.host, port: endpoint.port, ...(isTls && tls(endpoint.host)) };
  return createClient({
    ...{ RESP: protocol, socket, database, name, disableOfflineQueue: true },
    ...{ maintNotifications: "disabled", commandOptions: { timeout: 0 } },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  });
}

export type RedisClient = ReturnType<typeof newRedisClient>;

function tls(host: string) {
  // An address is no server name [RFC 6066 §3].
  const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
  return { tls: true as const, ...(!isAddress && { servername: host }) };
}
