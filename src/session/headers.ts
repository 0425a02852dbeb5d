import { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import type { AckMode } from "./session-subscription.ts";

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

export function ackModeOf(frame: Frame): AckMode {
  const mode = frame.header("ack") ?? "auto";
  if (mode === "auto" || mode === "client" || mode === "client-individual") return mode;
  throw new AppError("INVALID_HEADER", "ack is none of auto, client, client-individual");
}

export function refuseTransaction(frame: Frame): void {
  if (frame.header("transaction") !== undefined) {
    throw new AppError("UNSUPPORTED_TRANSACTION", "Transactions are not offered");
  }
}
