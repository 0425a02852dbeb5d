import type { ServerWebSocket, WebSocketHandler } from "bun";
import type { Remote } from "../auth/remote.ts";
import type { Engine, Peer, PeerTopics } from "../broker/subscription.ts";
import type { Connection } from "../session/ports.ts";
import { closeFrame, decodeMessages, OPEN_FRAME } from "../sockjs/framing.ts";
import type { Receiver, Service } from "./receiver.ts";

/** What a server's connections share on the way out. */
export interface Outlet {
  /** The connections that the socket's own topics do not reach, see `WebListener`. */
  readonly beside: Engine;
  /** Sends what is held for the peer, see `Broker.release`. */
  readonly release: (peer: Peer) => void;
}

/** A WebSocket, plain or with SockJS framing: then its messages are SockJS frames. */
export class WebSocketConnection implements Connection, PeerTopics {
  readonly topics = this;
  readonly isReading = true;
  readonly #service: Service;
  #socket: ServerWebSocket<WebSocketConnection> | null = null;
  #outlet: Outlet | null = null;
  #receiver: Receiver | null = null;
  #own: string | null = null;

  constructor(
    service: Service,
    readonly framing: "raw" | "sockjs",
    readonly remote: Remote,
  ) {
    this.#service = service;
  }

  opened(socket: ServerWebSocket<WebSocketConnection>, outlet: Outlet): void {
    this.#socket = socket;
    this.#outlet = outlet;
    if (this.framing === "sockjs") socket.send(OPEN_FRAME);
    this.#receiver = this.#service.open(this);
  }

  received(message: string | Buffer): void {
    const receiver = this.#receiver;
    if (receiver === null) return;
    if (this.framing === "raw") {
      receiver.receive(message);
      return;
    }
    receiver.receiveAll(() =>
      decodeMessages(typeof message === "string" ? message : message.toString()),
    );
  }

  drained(): void {
    this.#receiver?.drained();
  }

  /** The socket is gone. */
  gone(): void {
    this.#socket = null;
    this.#receiver?.closed();
    this.#receiver = null;
  }

  send(payload: string | Uint8Array): void {
    this.#outlet?.release(this);
    this.#socket?.send(payload);
  }

  sendTogether(payloads: readonly (string | Uint8Array)[]): void {
    const [only] = payloads;
    if (payloads.length > 1) {
      this.#socket?.cork((socket) => {
        for (const payload of payloads) socket.send(payload);
      });
    } else if (only !== undefined) {
      this.#socket?.send(only);
    }
  }

  bufferedBytes(): number {
    this.#outlet?.release(this);
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  join(channel: string): void {
    this.#socket?.subscribe(channel);
  }

  leave(channel: string): void {
    this.#socket?.unsubscribe(channel);
  }

  own(newName: () => string): string {
    if (this.#own === null) {
      this.#own = newName();
      this.join(this.#own);
    }
    return this.#own;
  }

  publishToOthers(channel: string, payload: string | Uint8Array): void {
    if (this.#socket === null) return;
    this.#socket.publish(channel, payload);
    this.#outlet?.beside.publish(channel, payload);
  }

  close(code: number, reason: string): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#outlet?.release(this);
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

export interface WebSocketLimits {
  readonly frameBytes: number;
  readonly sendBufferBytes: number;
}

/** Bun's handlers for every WebSocket of the server. */
export function webSocketHandler(
  limits: WebSocketLimits,
  outlet: Outlet,
): WebSocketHandler<WebSocketConnection> {
  return {
    data: {} as WebSocketConnection,
    // The decoder limits frames and answers with an ERROR; this is the wall behind it. SockJS may
    // write six bytes for one, and a message may hold several frames.
    maxPayloadLength: 8 * limits.frameBytes,
    backpressureLimit: limits.sendBufferBytes,
    closeOnBackpressureLimit: true,
    idleTimeout: 120,
    sendPings: true,
    open: (socket) => socket.data.opened(socket, outlet),
    message: (socket, message) => socket.data.received(message),
    drain: (socket) => socket.data.drained(),
    close: (socket) => socket.data.gone(),
  };
}
