import type { Backplane } from "../broker/backplane.ts";
import { NodeChannels } from "../broker/node-channels.ts";
import { backplaneAddress, type Settings } from "../config.ts";
import type { Log } from "../log.ts";

/** What this node says to the others goes through it; null: there are none. Says in the log how that goes. */
export function nodeChannels(
  backplane: Backplane,
  settings: Settings,
  isDatabaseShared: boolean,
  log: Log,
): NodeChannels | null {
  if (!backplane.isShared) return null;
  const { nodeId } = backplane;
  const address = backplaneAddress(settings);
  // The processes of one server need nothing beside it.
  const by = address === null ? {} : { backplane: settings.backplane, address };
  log.info(
    { nodeId, ...by },
    isDatabaseShared
      ? "Topics, presence and chat are carried between nodes"
      : "Topics and presence are carried between nodes; chat is not, without a PostgreSQL that they share: all who use it belong on one node",
  );
  let wasLost = false;
  const channels = new NodeChannels(backplane, (reason) => {
    if (reason === null) log.info({ nodeId, ...by }, "Connected with the other nodes");
    else log.error({ nodeId, ...by, reason }, "Not connected with the other nodes");
    wasLost ||= reason !== null;
  });
  channels.onGap(() => {
    // At the start nobody expects any.
    if (wasLost) log.warn({ nodeId }, "Messages of topics from other nodes may be missing");
  });
  return channels;
}
