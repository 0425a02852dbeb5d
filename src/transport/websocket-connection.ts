import type { ServerWebSocket } from "bun";
import type { PeerTopics } from "../broker/subscription.ts";
import type { Connection, Framing } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import { closeFrame, decodeMessages, OPEN_FRAME } from "../sockjs/framing.ts";

/** A WebSocket under a session; with SockJS framing, its messages are SockJS frames. */
export class WebSocketConnection implements Connection, PeerTopics {
  readonly topics = this;
  #socket: ServerWebSocket<WebSocketConnection> | null = null;
  #session: Session | null = null;

  constructor(
    readonly framing: Framing,
    readonly proxied: boolean,
  ) {}

  get session(): Session | null {
    return this.#session;
  }

  opened(socket: ServerWebSocket<WebSocketConnection>, session: Session): void {
    this.#socket = socket;
    this.#session = session;
    if (this.framing === "sockjs") socket.send(OPEN_FRAME);
  }

  received(message: string | Buffer): void {
    const session = this.#session;
    if (session === null) return;
    if (this.framing === "raw") {
      session.receive(message);
      return;
    }
    session.receiveAll(() =>
      decodeMessages(typeof message === "string" ? message : message.toString()),
    );
  }

  /** The socket is gone. */
  gone(): void {
    this.#socket = null;
    this.#session?.closed();
    this.#session = null;
  }

  send(payload: string | Uint8Array): void {
    this.#socket?.send(payload);
  }

  bufferedBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  join(channel: string): void {
    this.#socket?.subscribe(channel);
  }

  leave(channel: string): void {
    this.#socket?.unsubscribe(channel);
  }

  publishToOthers(channel: string, payload: string | Uint8Array): void {
    this.#socket?.publish(channel, payload);
  }

  close(code: number, reason: string): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (this.framing === "sockjs") {
      socket.send(closeFrame(code, reason));
      socket.close(1000, "");
    } else {
      socket.close(code, reason);
    }
  }

  terminate(): void {
    this.#socket?.terminate();
  }
}
