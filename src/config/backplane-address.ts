import { parseNatsUrl } from "./nats-url.ts";
import { parseRabbitMqUrl } from "./rabbitmq-url.ts";
import { parseRedisUrl } from "./redis-url.ts";
import type { Settings } from "./schema.ts";

/**
 * Where that is which carries messages between nodes, without credentials: `HOST:PORT`, several with
 * commas, or a path. null where it is in no URL.
 */
export function backplaneAddress(
  settings: Pick<Settings, "backplane" | "redis" | "rabbitmq" | "nats">,
): string | null {
  const { backplane } = settings;
  if (backplane === "local") return null;
  const { url = "" } = settings[backplane];
  if (backplane === "nats") return parseNatsUrl(url)?.servers.join(",") ?? null;
  if (backplane === "rabbitmq") {
    const target = parseRabbitMqUrl(url);
    return target === null ? null : hostAndPort(target);
  }
  const endpoints = parseRedisUrl(url)?.endpoints;
  if (endpoints === undefined) return null;
  return endpoints.map((each) => ("path" in each ? each.path : hostAndPort(each))).join(",");
}

function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
