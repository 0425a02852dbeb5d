import { LightWebSocket, type OnMessage } from "./web-socket.ts";

export interface StompClientOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string | undefined;
  readonly port: number;
  readonly userId: string;
  /** How frames are carried; as WebSocket text unless told otherwise. */
  readonly wire?: ClientWire;
  /** The CONNECT header, `<can send every>,<wants every>` in milliseconds. */
  readonly heartBeat: string;
  /** See `WebSocketOptions`. */
  readonly silenceMs?: number | undefined;
  /** A MESSAGE frame, as it came; in SockJS its octets are those of a JSON string. */
  readonly onMessage: OnMessage;
  readonly onHeartbeat?: () => void;
  /** An ERROR frame, as text; without it they are printed. */
  readonly onError?: (frame: string) => void;
  /** The connection ended after CONNECTED, and not by `close`. */
  readonly onLost: (reason: string) => void;
}

export type ClientWire = "text" | "binary" | "sockjs";

const LF = 10;
const LETTER_A = 97;
const LETTER_H = 104;
const LETTER_O = 111;
const LETTER_C = 67;
const LETTER_M = 77;
const LETTER_R = 82;

/** A STOMP 1.2 client that takes each WebSocket message for one frame, as Parley sends them. */
export class StompClient {
  readonly #options: StompClientOptions;
  #socket: LightWebSocket | null = null;
  #answers: PromiseWithResolvers<void>[] = [];
  #isConnected = false;
  #isClosing = false;

  private constructor(options: StompClientOptions) {
    this.#options = options;
  }

  /** Resolves after CONNECTED; rejects when the connection ends before. */
  static async connect(options: StompClientOptions): Promise<StompClient> {
    const client = new StompClient(options);
    client.#socket = await LightWebSocket.open({
      host: options.host,
      port: options.port,
      silenceMs: options.silenceMs,
      ...WAY_IN[options.wire ?? "text"](),
      onMessage:
        options.wire === "sockjs"
          ? (bytes, start, end) => client.#receivedSockJs(bytes, start, end)
          : (bytes, start, end) => client.#received(bytes, start, end),
      onClose: (reason) => client.#closed(reason),
    });
    const { heartBeat, userId } = options;
    const headers = ["accept-version:1.2", "host:localhost", `heart-beat:${heartBeat}`];
    client.send(`CONNECT\n${headers.join("\n")}\nX-User-Id:${userId}\n\n\0`);
    await client.#answer();
    client.#isConnected = true;
    return client;
  }

  /**
   * Resolves when the subscriptions, id and destination each, are in place; rejects when the
   * connection ends before.
   */
  async subscribe(
    subscriptions: Readonly<Record<string, string>>,
    ack: "auto" | "client" = "auto",
  ): Promise<void> {
    for (const [id, destination] of Object.entries(subscriptions)) {
      const headers = [`id:${id}`, `destination:${destination}`, `ack:${ack}`, `receipt:${id}`];
      this.send(`SUBSCRIBE\n${headers.join("\n")}\n\n\0`);
    }
    await Promise.all(Object.keys(subscriptions).map(() => this.#answer()));
  }

  /** A whole frame, or a heart-beat. */
  send(frame: string): void {
    switch (this.#options.wire) {
      case "binary":
        this.#socket?.send(frame, "binary");
        break;
      case "sockjs":
        this.#socket?.send(JSON.stringify([frame]));
        break;
      default:
        this.#socket?.send(frame);
    }
  }

  /** Reads no more. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#isClosing = true;
    this.#socket?.close();
    this.#refuseAnswers("closed");
  }

  #answer(): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.#answers.push(answer);
    return answer.promise;
  }

  #refuseAnswers(reason: string): void {
    for (const answer of this.#answers.splice(0)) answer.reject(new Error(reason));
  }

  /** Parley puts one STOMP frame into each SockJS frame. */
  #receivedSockJs(bytes: Buffer, start: number, end: number): void {
    switch (bytes[start]) {
      case LETTER_A: // a["…"]
        this.#received(bytes, start + 3, end - 2);
        break;
      case LETTER_O:
      case LETTER_H:
        break;
      default:
        this.#options.onError?.(bytes.toString("utf8", start, end));
    }
  }

  #received(bytes: Buffer, start: number, end: number): void {
    switch (bytes[start]) {
      case LETTER_M:
        this.#options.onMessage(bytes, start, end);
        break;
      case LF:
        this.#options.onHeartbeat?.();
        break;
      case LETTER_C: // CONNECTED
      case LETTER_R: // RECEIPT
        this.#answers.shift()?.resolve();
        break;
      default: {
        const frame = bytes.toString("utf8", start, end);
        if (this.#options.onError === undefined) console.error(`The server says ${frame}`);
        else this.#options.onError(frame);
      }
    }
  }

  #closed(reason: string): void {
    this.#refuseAnswers(reason);
    if (this.#isConnected && !this.#isClosing) this.#options.onLost(reason);
  }
}

const WAY_IN: Readonly<Record<ClientWire, () => { path: string; protocol: string | null }>> = {
  text: () => ({ path: "/ws", protocol: "v12.stomp" }),
  binary: () => ({ path: "/ws", protocol: "v12.stomp" }),
  sockjs: () => ({ path: `/ws/000/${crypto.randomUUID()}/websocket`, protocol: null }),
};

/** Connects and subscribes `count` clients, a few at a time as a gentle crowd would. */
export async function connectMany(
  count: number,
  connectOne: (index: number) => Promise<StompClient>,
): Promise<StompClient[]> {
  const atOnce = 32;
  const clients: StompClient[] = [];
  for (let from = 0; from < count; from += atOnce) {
    const indexes = Array.from({ length: Math.min(atOnce, count - from) }, (_, at) => from + at);
    clients.push(...(await Promise.all(indexes.map(connectOne))));
  }
  return clients;
}
