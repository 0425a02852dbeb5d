import { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import type { AckMode } from "./client-subscription.ts";

export function isConnect(frame: Frame): boolean {
  return frame.command === "CONNECT" || frame.command === "STOMP";
}

export function required(frame: Frame, name: string): string {
  const value = frame.header(name);
  if (value === undefined || value === "") {
    throw new AppError("MISSING_HEADER", `${frame.command} lacks the header ${name}`);
  }
  return value;
}

const ACK_MODES: readonly AckMode[] = ["auto", "client", "client-individual"];

export function ackModeOf(frame: Frame): AckMode {
  const written = frame.header("ack") ?? "auto";
  // Not what the client wrote: a slice of a frame that outlives it keeps the whole frame in memory.
  const mode = ACK_MODES.find((known) => known === written);
  if (mode !== undefined) return mode;
  throw new AppError("INVALID_HEADER", `ack is none of ${ACK_MODES.join(", ")}`);
}

/**
 * How many unacknowledged messages a consumer of a work queue wants at a time, as RabbitMQ names it;
 * 0 is as many as it may have. Throws INVALID_HEADER.
 */
export function prefetchOf(frame: Frame, limits: PrefetchLimits): number {
  const header = frame.header("prefetch-count");
  if (header === undefined) return limits.prefetch;
  if (!/^\d{1,9}$/.test(header)) {
    throw new AppError("INVALID_HEADER", "prefetch-count is no whole number");
  }
  return Math.min(Number(header) || limits.unacknowledgedMessages, limits.unacknowledgedMessages);
}

export interface PrefetchLimits {
  /** For a consumer that says nothing. */
  readonly prefetch: number;
  readonly unacknowledgedMessages: number;
}
