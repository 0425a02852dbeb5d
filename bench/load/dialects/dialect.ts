import type { OnMessage } from "../web-socket.ts";

export interface ConnectOptions {
  readonly port: number;
  readonly userId: string;
  /** The body of a message alone; it is overwritten after the call. */
  readonly onBody: OnMessage;
  /** The connection ended, and not by `close`. */
  readonly onLost: (reason: string) => void;
}

/**
 * How one server is spoken to, and nothing of what is measured. A channel is what everyone who
 * subscribed to it hears: STOMP's topic, NATS's subject, Socket.IO's room. Bodies are ASCII without
 * quotation marks and line feeds, so that they are the same bytes in JSON.
 */
export interface Dialect {
  /** Resolves when the server has accepted the login; rejects when it refuses. */
  connect(options: ConnectOptions): Promise<Connection>;
}

export interface Connection {
  /** Once for each channel. It may take effect later: the caller asks by messages of its own. */
  subscribe(channel: string): void;
  /** Not confirmed. */
  publish(channel: string, body: string): void;
  close(): void;
}
