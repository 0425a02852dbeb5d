import { Link, type LinkHandler, type Wire } from "../link.ts";
import type { Random } from "../random.ts";
import { readSockJs, TextStream } from "../reference/sockjs.ts";
import { type WebSocketEvent, WebSocketReference } from "../reference/websocket.ts";
import {
  type Carrier,
  type CarrierReader,
  type Inbound,
  type Outbound,
  type Ports,
  splitAnywhere,
} from "./carrier.ts";
import { readServerFrames, type ServerFrame } from "./server-frames.ts";
import { brokenSockJs, readSockJsFrame, sockJsBody } from "./sockjs-frames.ts";
import { BINARY, brokenWebSocket, PING, PONG, TEXT, webSocketMessage } from "./websocket-frames.ts";

/** Eight STOMP frames' worth: the wall behind the decoder's own limit. */
const MAX_MESSAGE_BYTES = 8 * 128 * 1024;

type Kind = "text" | "binary" | "mixed";

function handshake(path: string, port: number, protocol: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    ...[`Host: 127.0.0.1:${port}`, "Upgrade: websocket", "Connection: Upgrade"],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: cGFybGV5IGZ1enogMTYgIQ=="],
    ...[`Sec-WebSocket-Protocol: ${protocol}`, "", ""],
  ].join("\r\n");
}

/** STOMP in WebSocket messages of text, of bytes, or of both in turn. */
export class WebSocketCarrier implements Carrier {
  readonly name: string;

  constructor(readonly kind: Kind) {
    this.name = `websocket ${kind}`;
  }

  open({ http }: Ports, handler: LinkHandler): Promise<Wire> {
    return Link.open(http, handshake("/ws", http, "v12.stomp, v11.stomp, v10.stomp"), handler);
  }

  pack(stomp: Buffer, random: Random): Buffer[] {
    return splitAnywhere(stomp, random).flatMap((part) => {
      const wantsText = this.kind === "text" || (this.kind === "mixed" && random.chance(0.5));
      // What is no UTF-8 goes as bytes, and now and then as text all the same.
      const isText = wantsText && (isUtf8(part) || random.chance(0.1));
      return webSocketMessage(part, isText, random);
    });
  }

  breach(stomp: Buffer, random: Random): Buffer[] {
    return brokenWebSocket(stomp, random);
  }

  reader(): CarrierReader {
    return new WebSocketReader(
      (isText, bytes) => [{ kind: "stomp", isText, bytes }],
      (bytes) => [{ kind: "stomp", bytes }],
    );
  }
}

/** STOMP in SockJS frames on its WebSocket transport. */
export class SockJsWebSocketCarrier implements Carrier {
  readonly name = "sockjs websocket";

  open({ http }: Ports, handler: LinkHandler): Promise<Wire> {
    return Link.open(http, handshake("/ws/042/fuzz/websocket", http, "v12.stomp"), handler);
  }

  pack(stomp: Buffer, random: Random): Buffer[] {
    return webSocketMessage(sockJsBody(stomp, random), true, random);
  }

  breach(stomp: Buffer, random: Random): Buffer[] {
    if (random.chance(0.4)) return brokenWebSocket(stomp, random);
    return webSocketMessage(brokenSockJs(stomp, random), random.chance(0.8), random);
  }

  reader(): CarrierReader {
    const stream = new TextStream();
    return new WebSocketReader(
      (_isText, bytes) => {
        const texts = readSockJs(bytes.toString());
        if (texts === null) return [{ kind: "malformed", why: "no SockJS message" }];
        return texts.map((text) => ({ kind: "stomp", isText: true, bytes: stream.push(text) }));
      },
      (bytes) => readSockJsFrame(bytes.toString()),
    );
  }
}

class WebSocketReader implements CarrierReader {
  readonly #reference = new WebSocketReference(MAX_MESSAGE_BYTES);
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    readonly unwrap: (isText: boolean, bytes: Buffer) => Inbound[],
    readonly unwrapAnswer: (bytes: Buffer) => Outbound[],
  ) {}

  get isBetweenMessages(): boolean {
    return this.#reference.isBetweenFrames && !this.#reference.isWithinMessage;
  }

  fromClient(bytes: Buffer): Inbound[] {
    return this.#reference.push(bytes).flatMap((event) => {
      if (event.kind === "message") return this.unwrap(event.isText, event.bytes);
      return [inboundOf(event)];
    });
  }

  fromServer(bytes: Buffer): Outbound[] {
    const { frames, rest } = readServerFrames(Buffer.concat([this.#rest, bytes]));
    this.#rest = rest;
    return frames.flatMap((frame) => this.#answer(frame));
  }

  #answer({ head, payload }: ServerFrame): Outbound[] {
    switch (head) {
      case 0x80 | TEXT:
        if (!isUtf8(payload)) return [{ kind: "garbage", text: "a text that is not UTF-8" }];
        return this.unwrapAnswer(payload);
      case 0x80 | BINARY:
        return this.unwrapAnswer(payload);
      case 0x80 | PONG:
        return [{ kind: "pong", payload: payload.toString("latin1") }];
      case 0x80 | PING:
      case 0x80 | 8:
        return [];
      default:
        return [{ kind: "garbage", text: `a WebSocket frame ${head.toString(16)}` }];
    }
  }
}

function inboundOf(event: Exclude<WebSocketEvent, { kind: "message" }>): Inbound {
  switch (event.kind) {
    case "ping":
      return { kind: "ping", payload: event.payload.toString("latin1") };
    case "close":
      return { kind: "end", why: "the client closes" };
    case "violation":
      return { kind: "end", why: event.why };
  }
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
