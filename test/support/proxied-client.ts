import { TEXT, webSocketFrame } from "../fuzz/carriers/websocket-frames.ts";
import { Random } from "../fuzz/random.ts";
import { RawSocket } from "./raw-socket.ts";

/** For a server that takes this machine for a proxy, and believes whom its requests name. */
export const BEHIND_PROXY = ["--proxy-trusted=127.0.0.1", "--insecure-trust-user-id"] as const;

const random = new Random(1);

/** A client on a WebSocket that comes through a proxy, from the address that the test gives it. */
export class ProxiedClient {
  private constructor(readonly raw: RawSocket) {}

  /** Asks for a WebSocket; `status` is 101 if there is one. */
  static async knock(port: number, address: string | null, path = "/ws"): Promise<ProxiedClient> {
    const raw = await RawSocket.open(port);
    const head = [
      ...[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, "Upgrade: websocket"],
      ...["Connection: Upgrade", "Sec-WebSocket-Version: 13"],
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...(address === null ? [] : [`X-Forwarded-For: ${address}`]),
    ];
    raw.write(`${head.join("\r\n")}\r\n\r\n`);
    await raw.answered();
    return new ProxiedClient(raw);
  }

  /** Past CONNECTED, as the user. */
  static async connect(port: number, address: string, userId: string): Promise<ProxiedClient> {
    const client = await ProxiedClient.knock(port, address);
    client.say(`CONNECT\naccept-version:1.2\nX-User-Id:${userId}\n\n\0`);
    await client.raw.until("CONNECTED");
    return client;
  }

  get status(): number | null {
    return this.raw.status;
  }

  /** Of the answer to the handshake, in seconds. */
  get retryAfter(): number {
    return Number(/^retry-after: (\d+)\r$/im.exec(this.raw.text)?.[1]);
  }

  /** One text message. */
  say(text: string): void {
    this.raw.write(webSocketFrame({ opcode: TEXT, payload: Buffer.from(text) }, random));
  }

  close(): void {
    this.raw.end();
  }
}
