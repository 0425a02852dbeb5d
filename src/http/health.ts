import { isoTime } from "../clock.ts";

/** What health depends on. */
export interface HealthSource {
  readonly activeConnections: number;
  readonly onlineUsers: number;
  /** The last commit failed, or the store is away: messages are refused until one succeeds. */
  readonly isStoreFailing: boolean;
  /** Commits succeed, but messages wait long for theirs. */
  readonly isStoreBehind: boolean;
  /** Whether this node reaches the others; `LOCAL`: there are none. */
  readonly backplane: BackplaneHealth;
  readonly isStopping: boolean;
}

export type BackplaneHealth = "LOCAL" | "CONNECTED" | "DISCONNECTED";

export interface HealthDocument {
  /**
   * `DEGRADED`: connections live, but messages are not confirmed, or late, or do not reach other nodes.
   * `DOWN`: the server is stopping.
   */
  readonly status: "UP" | "DEGRADED" | "DOWN";
  readonly activeConnections: number;
  readonly onlineUsers: number;
  readonly backplane: BackplaneHealth;
  readonly timestamp: string;
}

/** Why the server should get no new clients now; null when it may. */
export function unreadiness({ isStopping, isStoreFailing }: HealthSource): string | null {
  if (isStopping) return "the server is stopping";
  return isStoreFailing ? "the store takes no writes" : null;
}

export function healthDocument(source: HealthSource, nowMs: number): HealthDocument {
  const isDegraded =
    source.isStoreFailing || source.isStoreBehind || source.backplane === "DISCONNECTED";
  const working = isDegraded ? "DEGRADED" : "UP";
  return {
    status: source.isStopping ? "DOWN" : working,
    activeConnections: source.activeConnections,
    onlineUsers: source.onlineUsers,
    backplane: source.backplane,
    timestamp: isoTime(nowMs),
  };
}
