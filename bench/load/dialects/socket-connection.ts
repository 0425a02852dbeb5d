import { LightWebSocket, type WebSocketOptions } from "../web-socket.ts";
import type { Connection, ConnectOptions } from "./dialect.ts";

/** What takes messages to and fro: a WebSocket, or what stands in for one. */
export interface Carrier {
  send(text: string): void;
  close(): void;
}

export type OpenCarrier = (options: WebSocketOptions) => Promise<Carrier>;

/** What all dialects over WebSocket have in common. */
export abstract class SocketConnection implements Connection {
  protected readonly options: ConnectOptions;
  readonly #accepted = Promise.withResolvers<void>();
  #carrier: Carrier | null = null;

  constructor(options: ConnectOptions) {
    this.options = options;
    this.#accepted.promise.catch(() => {}); // The socket's own rejection may come first.
  }

  /** Resolves when `accepted` was called; rejects when the connection ends before. */
  async open(
    path: string,
    protocol: string,
    login: string,
    openCarrier: OpenCarrier = LightWebSocket.open,
  ): Promise<this> {
    this.#carrier = await openCarrier({
      port: this.options.port,
      path,
      protocol,
      onMessage: (bytes, start, end) => this.received(bytes, start, end),
      onClose: (reason) => this.ended(reason),
    });
    this.#carrier.send(login);
    await this.#accepted.promise;
    return this;
  }

  abstract subscribe(channel: string): void;
  abstract publish(channel: string, body: string): void;
  protected abstract received(bytes: Buffer, start: number, end: number): void;

  close(): void {
    this.#carrier?.close();
  }

  protected send(text: string): void {
    this.#carrier?.send(text);
  }

  /** The login; more than once does no harm. */
  protected accepted(): void {
    this.#accepted.resolve();
  }

  protected ended(reason: string): void {
    this.#accepted.reject(new Error(reason));
    this.options.onLost(reason);
  }
}
