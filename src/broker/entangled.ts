import type { RunChannel } from "./message-run.ts";
import type { Peer } from "./subscription.ts";

/**
 * The channels that share a peer with another one, in their order: of one connection that listens
 * to the same key more than once. What goes to them must go message by message, or the connection
 * would get several messages by one subscription before the first of them by the other.
 */
export function entangled(channels: ReadonlyMap<string, RunChannel>): ReadonlySet<RunChannel> {
  const found = new Set<RunChannel>();
  const firstOf = new Map<Peer, RunChannel>();
  for (const channel of channels.values()) {
    for (const peer of channel.peers) {
      const first = firstOf.get(peer);
      if (first === undefined) firstOf.set(peer, channel);
      else found.add(first).add(channel);
    }
  }
  if (found.size < 2) return found;
  return new Set([...channels.values()].filter((channel) => found.has(channel)));
}
