import { LightWebSocket } from "../web-socket.ts";
import type { Connection, ConnectOptions } from "./dialect.ts";

/** What all dialects over WebSocket have in common. */
export abstract class SocketConnection implements Connection {
  protected readonly options: ConnectOptions;
  readonly #accepted = Promise.withResolvers<void>();
  #socket: LightWebSocket | null = null;

  constructor(options: ConnectOptions) {
    this.options = options;
    this.#accepted.promise.catch(() => {}); // The socket's own rejection may come first.
  }

  /** Resolves when `accepted` was called; rejects when the connection ends before. */
  async open(path: string, protocol: string, login: string): Promise<this> {
    this.#socket = await LightWebSocket.open({
      port: this.options.port,
      path,
      protocol,
      onMessage: (bytes, start, end) => this.received(bytes, start, end),
      onClose: (reason) => this.ended(reason),
    });
    this.#socket.send(login);
    await this.#accepted.promise;
    return this;
  }

  abstract subscribe(channel: string): void;
  abstract publish(channel: string, body: string): void;
  protected abstract received(bytes: Buffer, start: number, end: number): void;

  close(): void {
    this.#socket?.close();
  }

  protected send(text: string): void {
    this.#socket?.send(text);
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
