import { SQL } from "bun";
import type { Clock, Timer } from "../clock.ts";
import { PostgresFault } from "./postgres-errors.ts";
import type { PostgresHost } from "./postgres-url.ts";

export interface ConnectionOptions {
  /** At most so many. */
  readonly max: number;
  /** What each session begins with, by PostgreSQL's names. */
  readonly parameters: Readonly<Record<string, string>>;
  /** So long making one may take. */
  readonly connectSeconds: number;
  /** Called when one is over. */
  readonly onClose?: () => void;
}

/**
 * Connections to a server that takes writes, made when they are needed. One that follows another
 * server, or was set to read-only, refuses them (`isReadOnly`): so none is ever to a server that has
 * lost its place, whatever its address leads to by then.
 */
export function connectionsTo(
  { connection }: PostgresHost,
  { max, parameters, connectSeconds, onClose }: ConnectionOptions,
): SQL {
  return new SQL({
    ...connection,
    ...{ max, idleTimeout: 0, connectionTimeout: connectSeconds },
    ...(onClose === undefined ? {} : { onclose: onClose }),
    // Of the transaction in which a session begins: it can be no other on a server that reads alone.
    connection: { ...parameters, transaction_read_only: "off" },
  });
}

/** Rejects with PostgresFault, `silent`, when it takes longer. */
export async function within<T>(clock: Clock, limitMs: number, asked: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = clock.schedule(limitMs, () => {
      reject(new PostgresFault("silent", "PostgreSQL does not answer"));
    });
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    timer?.cancel();
  }
}

/** What is under way has `seconds` to be done, and fails then. */
export async function endConnections(sql: SQL, clock: Clock, seconds: number): Promise<void> {
  const closed = sql.close({ timeout: seconds }).catch(() => undefined);
  // It may wait for good for a session that the server has ended.
  await within(clock, (seconds + 1) * 1_000, closed).catch(() => undefined);
}
