import { encodeMessage } from "../sockjs/framing.ts";

/**
 * How a connection carries STOMP frames: WebSocket text, WebSocket binary, or SockJS, whose frames
 * are always text.
 */
export type Wire = "text" | "binary" | "sockjs";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * One STOMP frame as one transport message. A body that is not UTF-8 reaches a text client as a
 * binary message; a frame for SockJS must be text, or UTF-8.
 */
export function toWire(wire: Wire, frame: string | Uint8Array): string | Uint8Array {
  switch (wire) {
    case "text":
      return typeof frame === "string" ? frame : textIfPossible(frame);
    case "binary":
      return typeof frame === "string" ? Buffer.from(frame) : frame;
    case "sockjs":
      return encodeMessage(typeof frame === "string" ? frame : utf8.decode(frame));
  }
}

function textIfPossible(frame: Uint8Array): string | Uint8Array {
  try {
    return utf8.decode(frame);
  } catch {
    return frame; // Not UTF-8: a text message could not hold it [RFC 6455 §5.6].
  }
}
