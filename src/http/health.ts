import { isoTime } from "../clock.ts";

/** What health depends on. */
export interface HealthSource {
  readonly activeConnections: number;
  readonly onlineUsers: number;
  /** The last commit failed: messages are refused until one succeeds. */
  readonly isStoreFailing: boolean;
  /** Commits succeed, but messages wait long for theirs. */
  readonly isStoreBehind: boolean;
  readonly isStopping: boolean;
}

export interface HealthDocument {
  /** `DEGRADED`: connections live, but messages are not confirmed, or late. `DOWN`: the server is stopping. */
  readonly status: "UP" | "DEGRADED" | "DOWN";
  readonly activeConnections: number;
  readonly onlineUsers: number;
  readonly timestamp: string;
}

/** Why the server should get no new clients now; null when it may. */
export function unreadiness({ isStopping, isStoreFailing }: HealthSource): string | null {
  if (isStopping) return "the server is stopping";
  return isStoreFailing ? "the store takes no writes" : null;
}

export function healthDocument(source: HealthSource, nowMs: number): HealthDocument {
  const working = source.isStoreFailing || source.isStoreBehind ? "DEGRADED" : "UP";
  return {
    status: source.isStopping ? "DOWN" : working,
    activeConnections: source.activeConnections,
    onlineUsers: source.onlineUsers,
    timestamp: isoTime(nowMs),
  };
}
