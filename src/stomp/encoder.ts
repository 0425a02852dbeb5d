import { escapeHeader } from "./escaping.ts";
import type { Body } from "./frame.ts";
import type { StompVersion } from "./version.ts";

export { escapeHeader } from "./escaping.ts";

/**
 * A whole frame: text if the body is, bytes if the body is. `pairs` is a flat list of names and
 * values; `content-length` is added where there is a body.
 */
export function encodeFrame(
  version: StompVersion,
  command: string,
  pairs: readonly string[],
  body: Body = "",
): string | Uint8Array {
  // [STOMP 1.2 §Value Encoding] CONNECTED is not escaped, so that 1.0 clients can read it.
  const headerVersion = command === "CONNECTED" ? "1.0" : version;
  return joinMessage(`${command}\n`, messageTail(headerVersion, pairs, body));
}

/** The part of a MESSAGE that differs between subscriptions. `subscriptionId` is null in 1.0 only. */
export function messageHead(
  version: StompVersion,
  subscriptionId: string | null,
  destination: string,
): string {
  const subscription =
    subscriptionId === null ? "" : `subscription:${escapeHeader(version, subscriptionId)}\n`;
  return `MESSAGE\n${subscription}destination:${escapeHeader(version, destination)}\n`;
}

/** The part that all subscribers of one version share: further headers, body, NUL. */
export function messageTail(
  version: StompVersion,
  pairs: readonly string[],
  body: Body,
): string | Uint8Array {
  let head = "";
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    head += `${escapeHeader(version, pairs[index] ?? "")}:${escapeHeader(version, pairs[index + 1] ?? "")}\n`;
  }
  if (typeof body === "string") {
    if (body === "") return `${head}\n\0`;
    return `${head}content-length:${Buffer.byteLength(body)}\n\n${body}\0`;
  }
  const prefix = Buffer.from(`${head}content-length:${body.length}\n\n`);
  const bytes = Buffer.allocUnsafe(prefix.length + body.length + 1);
  prefix.copy(bytes);
  bytes.set(body, prefix.length);
  bytes[bytes.length - 1] = 0;
  return bytes;
}

/** Head and tail as one frame, of the tail's kind. */
export function joinMessage(head: string, tail: string | Uint8Array): string | Uint8Array {
  return typeof tail === "string" ? head + tail : Buffer.concat([Buffer.from(head), tail]);
}
