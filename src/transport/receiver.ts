import type { Connection } from "../session/ports.ts";

/** What a transport hands its peer's messages to: a session, or a test service. */
export interface Receiver {
  /** One transport message. */
  receive(chunk: string | Uint8Array): void;
  /** As `receive`, for a transport whose messages hold several; what unpacking throws ends it. */
  receiveAll(unpack: () => readonly string[]): void;
  /** The connection is gone. */
  closed(): void;
  /** The send buffer is empty again. */
  drained(): void;
}

/** What answers the connections of an endpoint. */
export interface Service {
  /** The connection is open: it takes messages, and may be closed. */
  open(connection: Connection): Receiver;
  /** The WebSocket subprotocol to answer an offer with; null when none of it is spoken. */
  chooseSubprotocol(offered: string): string | null;
}
