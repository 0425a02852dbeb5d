import type { Client, IMessage } from "@stomp/stompjs";
import type { ParleyProcess } from "./parley-process.ts";
import { connectStock, type StockClient, type Via } from "./stock-client.ts";

/** A stock client that works on queues: what it got, and what it was promised. */
export class Worker {
  readonly got: IMessage[] = [];
  readonly receipts = new Set<string>();
  #made = 0;

  constructor(readonly client: StockClient) {
    client.stomp.onUnhandledReceipt = (frame) => {
      this.receipts.add(frame.headers["receipt-id"] ?? "");
      client.note();
    };
  }

  get stomp(): Client {
    return this.client.stomp;
  }

  consume(
    queue: string,
    headers: Record<string, string> = {},
    onMessage: (message: IMessage) => void = () => {},
  ): void {
    this.stomp.subscribe(
      queue,
      (message) => {
        this.got.push(message);
        onMessage(message);
        this.client.note();
      },
      { ack: "client-individual", ...headers },
    );
  }

  /** Resolves with the RECEIPT. */
  async confirmed(act: (headers: { receipt: string }) => void): Promise<void> {
    this.#made += 1;
    const receipt = `r${this.#made}`;
    act({ receipt });
    await this.client.until(() => this.receipts.has(receipt), `the receipt ${receipt}`);
  }

  send(queue: string, body: string, headers: Record<string, string> = {}): Promise<void> {
    return this.confirmed((receipt) =>
      this.stomp.publish({ destination: queue, body, headers: { ...headers, ...receipt } }),
    );
  }

  bodies(): string[] {
    return this.got.map(({ body }) => body);
  }
}

/** Connected; it does not connect again. */
export async function worker(server: ParleyProcess, name: string, via: Via = "websocket") {
  return new Worker(await connectStock(server, name, { via, config: { reconnectDelay: 0 } }));
}
