/** The backplane that the settings name: the only place that knows its adapters. */
import { HubBackplane } from "./backplane/hub-backplane.ts";
import { LocalBackplane } from "./backplane/local.ts";
import type { Backplane } from "./broker/backplane.ts";
import type { Clock } from "./clock.ts";
import type { Settings } from "./config.ts";
import { newUuid } from "./ids.ts";
import type { Log } from "./log.ts";
import { hubSocket, type ProcessPlace } from "./process-place.ts";

/**
 * Not yet started. What speaks to Redis is loaded only where it is wanted.
 *
 * @param place null: there is one process only
 */
export async function openBackplane(
  settings: Settings,
  clock: Clock,
  place: ProcessPlace | null,
): Promise<Backplane> {
  const nodeId = settings.node.id ?? newUuid().slice(-12);
  const { random } = Math;
  if (settings.backplane === "local" && place !== null) {
    const { pendingBytes } = settings.supervisor;
    return new HubBackplane({ nodeId, path: hubSocket(place), pendingBytes, clock, random });
  }
  if (settings.backplane === "local") return new LocalBackplane(nodeId);
  const { RedisBackplane } = await import("./backplane/redis.ts");
  const { url = "", ...redis } = settings.redis;
  return new RedisBackplane({ ...redis, nodeId, url, clock, random });
}

/** Where the processes of one server exchange what they publish, in a folder of theirs. */
export async function openHub(folder: string, pendingBytes: number, log: Log) {
  const { Hub } = await import("./backplane/hub.ts");
  return new Hub({
    ...{ path: hubSocket({ folder }), pendingBytes },
    onSlow: () => log.error({}, "A process did not take what others publish: it is connected anew"),
  });
}
