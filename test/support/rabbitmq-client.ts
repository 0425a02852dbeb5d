import type { Frame } from "../../src/stomp/frame.ts";
import type { RabbitMqServer } from "./rabbitmq-server.ts";
import { TcpClient } from "./tcp-client.ts";

/** A plain STOMP client straight to RabbitMQ, as a back end in another language is one. */
export class RabbitMqClient implements Disposable {
  #receipts = 0;

  private constructor(readonly tcp: TcpClient) {}

  static async connect(server: RabbitMqServer): Promise<RabbitMqClient> {
    const tcp = await TcpClient.open(server.port);
    tcp.send("CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0");
    await tcp.frame("CONNECTED");
    return new RabbitMqClient(tcp);
  }

  /** Header lines are as they go over the wire. Resolves with the RECEIPT. */
  async say(command: string, headers: Record<string, string>, body = ""): Promise<void> {
    this.#receipts += 1;
    const all = { ...headers, receipt: String(this.#receipts) };
    const lines = Object.entries(all).map(([name, value]) => `${name}:${value}\n`);
    this.tcp.send(`${command}\n${lines.join("")}\n${body}\0`);
    await this.tcp.frame("RECEIPT");
  }

  async subscribe(destination: string, headers: Record<string, string> = {}): Promise<void> {
    await this.say("SUBSCRIBE", { id: destination, destination, ...headers });
  }

  async send(destination: string, body: string, headers: Record<string, string> = {}) {
    await this.say("SEND", { destination, ...headers }, body);
  }

  /** The next one. */
  message(): Promise<Frame> {
    return this.tcp.frame("MESSAGE");
  }

  [Symbol.dispose](): void {
    this.tcp.close();
  }
}
