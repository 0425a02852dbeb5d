/**
 * Peers that speak until they have subscribed, and then do nothing any more: they read nothing, send
 * nothing, and leave their sockets open. A process of its own, told over IPC what to do.
 *
 * Their sockets are made by the C library, since what the kernel takes for a peer that does not read
 * (4 MB on loopback, whose segments are large) is set before the connection is made: here a segment
 * and a receive buffer are small, as on a mobile network, and the server feels it soon.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { z } from "zod";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const IPPROTO_TCP = 6;
const TCP_MAXSEG = 2;
const MSG_NOSIGNAL = 0x4000;

const RECEIVE_BYTES = 4_096;
const SEGMENT_BYTES = 536;
const PATIENCE_SECONDS = 20;

const libc = dlopen("libc.so.6", {
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  setsockopt: {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32],
    returns: FFIType.i32,
  },
  connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  send: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
  recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
}).symbols;

const commandSchema = z.union([
  z.object({
    port: z.number(),
    userIds: z.array(z.string()),
    heartBeat: z.string(),
    /** The body of their `/app/chat.sync`; null is none. */
    sync: z.string().nullable(),
  }),
  z.literal("hang up"),
]);
export type DeafCommand = z.infer<typeof commandSchema>;

const TEXT = 0x81;
const MASKED = 0x80;

/** Masked with zeros, which leaves the payload as it is. */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(payload.length < 126 ? 6 : 8);
  head[0] = TEXT;
  head[1] = MASKED | Math.min(payload.length, 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

function addressOf(port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

class DeafPeer {
  readonly #socket = libc.socket(AF_INET, SOCK_STREAM, 0);

  constructor(port: number, userId: string, heartBeat: string, sync: string | null) {
    this.#set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
    this.#set(IPPROTO_TCP, TCP_MAXSEG, SEGMENT_BYTES);
    this.#set(SOL_SOCKET, SO_RCVTIMEO, PATIENCE_SECONDS, 0, 0, 0);
    const address = addressOf(port);
    if (libc.connect(this.#socket, ptr(address), address.length) !== 0) {
      throw new Error("a deaf peer cannot connect");
    }
    const key = Buffer.alloc(16, userId).toString("base64");
    const upgrade = [
      ...["GET /ws HTTP/1.1", `Host: 127.0.0.1:${port}`, "Upgrade: websocket"],
      ...["Connection: Upgrade", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${key}`],
      "Sec-WebSocket-Protocol: v12.stomp",
    ];
    this.#send(Buffer.from(`${upgrade.join("\r\n")}\r\n\r\n`));
    this.#expect("101 Switching Protocols");
    const connect = ["CONNECT", "accept-version:1.2", "host:localhost", `heart-beat:${heartBeat}`];
    this.#send(frameOf(`${connect.join("\n")}\nX-User-Id:${userId}\n\n\0`));
    this.#expect("CONNECTED");
    if (sync !== null) {
      const length = Buffer.byteLength(sync);
      const headers = `destination:/app/chat.sync\ncontent-length:${length}`;
      this.#send(frameOf(`SEND\n${headers}\n\n${sync}\0`));
    }
    const subscribe = "SUBSCRIBE\nid:m\ndestination:/user/queue/messages\nack:client\n\n\0";
    this.#send(frameOf(subscribe));
  }

  hangUp(): void {
    libc.close(this.#socket);
  }

  #set(level: number, option: number, ...words: number[]): void {
    const value = new Int32Array(words);
    if (libc.setsockopt(this.#socket, level, option, ptr(value), value.byteLength) !== 0) {
      throw new Error(`setsockopt ${option} failed`);
    }
  }

  #send(bytes: Buffer): void {
    const sent = libc.send(this.#socket, ptr(bytes), bytes.length, MSG_NOSIGNAL);
    if (Number(sent) !== bytes.length) throw new Error("a deaf peer cannot send");
  }

  #expect(text: string): void {
    const buffer = Buffer.alloc(RECEIVE_BYTES);
    const length = Number(libc.recv(this.#socket, ptr(buffer), buffer.length, 0));
    const answer = buffer.toString("latin1", 0, Math.max(0, length));
    if (!answer.includes(text)) throw new Error(`a deaf peer got ${JSON.stringify(answer)}`);
  }
}

if (import.meta.main) {
  const peers: DeafPeer[] = [];
  process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.
  process.on("message", (message) => {
    const command = commandSchema.parse(message);
    if (command === "hang up") {
      for (const peer of peers.splice(0)) peer.hangUp();
    } else {
      const { port, userIds, heartBeat, sync } = command;
      for (const userId of userIds) peers.push(new DeafPeer(port, userId, heartBeat, sync));
    }
    process.send?.("done");
  });
  process.send?.("ready");
}
