import type { ParleyProcess } from "./parley-process.ts";
import { connectStock, type StockClient, subscribeAll } from "./stock-client.ts";

/** Stock clients with the five usual subscriptions, which leave together. */
export class StockCrowd {
  readonly #clients: StockClient[] = [];

  async join(server: ParleyProcess, userId: string): Promise<StockClient> {
    const client = await connectStock(server, userId);
    this.#clients.push(client);
    await subscribeAll(client);
    return client;
  }

  async leave(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }
}
