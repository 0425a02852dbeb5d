import { AppError } from "../errors.ts";
import type { ReconnectOptions } from "./kept-connection.ts";

/** What a message that waits takes beside its bytes, about. */
export const PENDING_OVERHEAD_BYTES = 512;

/** Of what speaks with a server beside this node. */
export interface ServerOptions extends ReconnectOptions {
  /** Where it is, and how one gets in: each kind of server has forms of its own. */
  readonly url: string;
  /** What may wait to be taken by the server. */
  readonly pendingBytes: number;
}

/** Of a backplane over such a server. */
export interface ServerBackplaneOptions extends ServerOptions {
  /** Of at most 255 bytes. */
  readonly nodeId: string;
}

/** Throws INVALID_CONFIGURATION, without the URL, for one that `parse` does not understand. */
export function targetOf<Target>(
  url: string,
  setting: string,
  parse: (url: string) => Target | null,
): Target {
  const target = parse(url);
  if (target !== null) return target;
  throw new AppError("INVALID_CONFIGURATION", `${setting} has a wrong value`);
}
