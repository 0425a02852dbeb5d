import type { Backplane } from "../broker/backplane.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import type { Chat } from "../chat/chat.ts";
import type { HealthSource } from "../http/health.ts";
import type { Storage } from "../stores.ts";

export interface HealthParts {
  readonly storage: Pick<Storage, "isReachable">;
  readonly chat: Chat;
  readonly queues: WorkQueues;
  readonly backplane: Backplane;
  readonly connections: () => number;
  readonly isStopping: () => boolean;
}

/** What health depends on, as it is when it is asked for. */
export function healthSource(parts: HealthParts): HealthSource {
  const { storage, chat, queues, backplane, connections, isStopping } = parts;
  return {
    get activeConnections() {
      return connections();
    },
    get onlineUsers() {
      return chat.presence.onlineCount;
    },
    get isStoreFailing() {
      // Where nothing is written, no commit tells.
      if (!storage.isReachable()) return true;
      return chat.journal.isFailing || queues.journal?.isFailing === true;
    },
    get isStoreBehind() {
      return chat.journal.isBehind || queues.journal?.isBehind === true;
    },
    get backplane() {
      if (!backplane.isShared) return "LOCAL";
      return backplane.isConnected ? "CONNECTED" : "DISCONNECTED";
    },
    get isStopping() {
      return isStopping();
    },
  };
}
