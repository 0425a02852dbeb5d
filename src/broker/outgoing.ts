import { joinMessage, messageTail } from "../stomp/encoder.ts";
import type { Body } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import { toWire, type Wire } from "./wire.ts";

const lossyUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A message on its way to its subscribers. What all subscribers of one STOMP version share is
 * encoded once, at the first of them.
 */
export class Outgoing<Tag = unknown> {
  readonly #headers: readonly string[];
  #tail10: string | Uint8Array | undefined;
  #tail11: string | Uint8Array | undefined;
  #tail12: string | Uint8Array | undefined;
  #asText: Outgoing | undefined;

  /**
   * @param messageId unique on this server, the `message-id` header
   * @param headers further headers, flat name, value list; `content-length` is added
   * @param tag what the publisher wants to hear again when a client acknowledges the message
   */
  constructor(
    readonly messageId: string,
    readonly body: Body,
    headers: readonly string[],
    readonly tag: Tag | null = null,
  ) {
    this.#headers = ["message-id", messageId, ...headers];
  }

  /** Those beside `message-id`. */
  get headers(): string[] {
    return this.#headers.slice(2);
  }

  /** The whole frame behind a head (`messageHead`), as one transport message. */
  payload(wire: Wire, version: StompVersion, head: string): string | Uint8Array {
    // SockJS carries text only: what is not UTF-8 becomes U+FFFD, and content-length follows.
    const source = wire === "sockjs" && typeof this.body !== "string" ? this.#text() : this;
    return toWire(wire, joinMessage(head, source.tail(version)));
  }

  #text(): Outgoing {
    const { messageId, body } = this;
    const text = typeof body === "string" ? body : lossyUtf8.decode(body);
    this.#asText ??= new Outgoing(messageId, text, this.headers);
    return this.#asText;
  }

  /** The frame from `message-id` to its NUL. */
  tail(version: StompVersion): string | Uint8Array {
    switch (version) {
      case "1.2":
        this.#tail12 ??= messageTail(version, this.#headers, this.body);
        return this.#tail12;
      case "1.1":
        this.#tail11 ??= messageTail(version, this.#headers, this.body);
        return this.#tail11;
      case "1.0":
        this.#tail10 ??= messageTail(version, this.#headers, this.body);
        return this.#tail10;
    }
  }
}
