import { expect } from "bun:test";
import { residentMiB } from "../fuzz/memory.ts";
import { type ParleyProcess, startParley } from "./parley-process.ts";
import { connectStock, type StockClient } from "./stock-client.ts";

/** A server, and a client that does nothing wrong, to see that it is left in peace. */
export class WitnessedServer {
  private constructor(
    readonly server: ParleyProcess,
    readonly witness: StockClient,
  ) {}

  static async start(flags: readonly string[] = []): Promise<WitnessedServer> {
    // The witness speaks as often as it is asked to, and others subscribe so.
    const unlimited = ["--limits-messages-per-second=0", "--limits-subscribes-per-second=0"];
    const server = await startParley({ flags: [...unlimited, ...flags] });
    const witness = await connectStock(server, "witness");
    await witness.subscribed("/user/witness/queue/confirmations");
    return new WitnessedServer(server, witness);
  }

  get port(): number {
    return this.server.port;
  }

  get residentMiB(): number {
    return residentMiB(this.server.pid);
  }

  /** The witness is served as before, on the same connection. */
  async expectUnharmed(): Promise<void> {
    await this.witness.sent("/app/chat.send", {
      ...{ conversationId: "w", recipientId: "w2", content: "still here" },
    });
    expect(this.witness.connects).toBe(1);
  }

  /** The server ends well, and has found no fault in itself. */
  async stop(): Promise<void> {
    await this.witness.close();
    expect(await this.server.stop()).toBe(0);
    expect(this.server.log()).not.toMatch(/"level":"(error|fatal)"|INTERNAL/);
  }
}
