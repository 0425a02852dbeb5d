import type { Random } from "../random.ts";
import { readSockJs, TextStream } from "../reference/sockjs.ts";
import { type WebSocketEvent, WebSocketReference } from "../reference/websocket.ts";
import {
  type Carrier,
  type CarrierReader,
  type Inbound,
  type Outbound,
  splitAnywhere,
} from "./carrier.ts";
import { readServerFrames, type ServerFrame } from "./server-frames.ts";
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
  readonly door = "http";

  constructor(readonly kind: Kind) {
    this.name = `websocket ${kind}`;
  }

  handshake(port: number): string {
    return handshake("/ws", port, "v12.stomp, v11.stomp, v10.stomp");
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
  readonly door = "http";

  handshake(port: number): string {
    return handshake("/ws/042/fuzz/websocket", port, "v12.stomp");
  }

  pack(stomp: Buffer, random: Random): Buffer[] {
    const texts = splitText(stomp.toString(), random);
    const isSingle = texts.length === 1 && random.chance(0.2);
    const json = JSON.stringify(isSingle ? texts[0] : texts);
    return webSocketMessage(Buffer.from(json), true, random);
  }

  breach(stomp: Buffer, random: Random): Buffer[] {
    if (random.chance(0.4)) return brokenWebSocket(stomp, random);
    const text = JSON.stringify(stomp.toString());
    const broken = random.pick([
      ...[`[${text}`, `${text}]`, `[[${text}]]`, `[${text},1]`, `[${text},null]`, `{"a":${text}}`],
      ...[`[${text},]`, `[${text} ${text}]`, "[]", "null", "1", "", " ", `  [${text}]`, "[", "x"],
      ...[`a[${text}]`, text.slice(0, -1), `["\\ud800"]`, `["\\ud83d","\\ude00"]`, `["\\x"]`],
      `${"[".repeat(random.between(1_000, 30_000))}`,
    ]);
    return webSocketMessage(Buffer.from(broken), random.chance(0.8), random);
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

function readSockJsFrame(text: string): Outbound[] {
  if (text === "o" || text === "h" || /^c\[\d+,"/.test(text)) return [];
  const texts = text.startsWith("a") ? readSockJs(text.slice(1)) : null;
  if (texts === null) return [{ kind: "garbage", text: `the SockJS frame ${text.slice(0, 80)}` }];
  return texts.map((part) => ({ kind: "stomp", bytes: Buffer.from(part) }));
}

function splitText(text: string, random: Random): string[] {
  if (random.chance(0.7) || text.length < 2) return [text];
  const cut = random.below(text.length);
  return [text.slice(0, cut), text.slice(cut)]; // Within a pair of surrogates, too.
}

export function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
