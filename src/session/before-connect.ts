import type { Wire } from "../broker/wire.ts";
import { Decoder } from "../stomp/decoder.ts";
import type { PendingLimits } from "./frame-sequence.ts";
import type { Framing, SessionLimits } from "./ports.ts";

/** What a session speaks until the client has spoken. */
export const FIRST_WIRE: Readonly<Record<Framing, Wire>> = {
  raw: "text",
  sockjs: "sockjs",
  stream: "binary",
};

/** So many of the largest frames may wait while CONNECT is answered. */
const STRANGERS_FRAMES = 4;

/** Of a stranger little is kept. */
export function strangersDecoder(limits: SessionLimits): Decoder {
  return new Decoder({
    maxFrameBytes: limits.connectFrameBytes,
    maxHeaders: limits.headers,
    maxHeaderLineBytes: limits.headerLineBytes,
  });
}

/** Of frames that wait while CONNECT is answered. */
export function strangersPending(limits: SessionLimits): PendingLimits {
  return {
    pendingFrames: limits.pendingFrames,
    pendingBytes: STRANGERS_FRAMES * limits.connectFrameBytes,
  };
}
