import type { ParleyProcess } from "../support/parley-process.ts";
import { connectStock, type StockClient, type Via } from "../support/stock-client.ts";

const MESSAGES = "/user/queue/messages";
const CONFIRMATIONS = "/user/queue/confirmations";
const TOPIC = "/topic/witnesses.only";
const PAUSE_MS = 40;

interface Witness {
  readonly name: string;
  readonly client: StockClient;
  sent: number;
}

/**
 * Clients that do nothing wrong, of every transport, and talk to each other all along: in pairs, and
 * on a topic. They must miss nothing, see nothing foreign, keep the order, and never be cut off.
 */
export class Witnesses {
  readonly #all: Witness[] = [];
  #timer: Timer | null = null;

  static async start(server: ParleyProcess): Promise<Witnesses> {
    const witnesses = new Witnesses();
    for (const via of ["websocket", "binary", "sockjs"] satisfies Via[]) {
      const name = `witness-${via}`;
      const client = await connectStock(server, name, { via });
      for (const destination of [MESSAGES, CONFIRMATIONS, TOPIC])
        await client.subscribed(destination);
      witnesses.#all.push({ name, client, sent: 0 });
    }
    witnesses.#timer = setInterval(() => witnesses.#speak(), PAUSE_MS);
    return witnesses;
  }

  get count(): number {
    return this.#all.length;
  }

  /** What each has said so far. */
  get sent(): number {
    return this.#all.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Ends the talk, waits until all that was said has come, and says what is wrong. */
  async verdict(): Promise<string[]> {
    clearInterval(this.#timer ?? undefined);
    const faults: string[] = [];
    for (const witness of this.#all) {
      const others = this.#all.filter((other) => other !== witness);
      const { name, client } = witness;
      const from = (sender: Witness, destination: string) =>
        client.got(destination).filter(({ senderId }) => senderId === sender.name).length;
      const hasAll = (other: Witness) =>
        from(other, MESSAGES) >= other.sent && from(other, TOPIC) >= other.sent;
      await client
        .until(() => others.every(hasAll), "what the others said")
        .catch(() => faults.push(`${name} misses some of what the others said`));
      for (const other of others) {
        faults.push(
          ...this.#wrong(witness, other, MESSAGES),
          ...this.#wrong(witness, other, TOPIC),
        );
      }
      const foreign = client.got(MESSAGES).filter(({ senderId }) => !isOneOf(others, senderId));
      if (foreign.length > 0)
        faults.push(`${name} got foreign messages: ${JSON.stringify(foreign[0])}`);
      if (client.connects !== 1) faults.push(`${name} connected ${client.connects} times`);
      if (client.errors.length > 0) faults.push(`${name} got ${client.errors.join(", ")}`);
    }
    return faults;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer ?? undefined);
    for (const { client } of this.#all) await client.close();
  }

  #speak(): void {
    for (const witness of this.#all) {
      const { name, client } = witness;
      for (const other of this.#all) {
        if (other === witness) continue;
        const conversationId = [name, other.name].sort().join("+");
        const content = `${witness.sent}`;
        client.send("/app/chat.send", { conversationId, recipientId: other.name, content });
      }
      client.send(TOPIC, { senderId: name, content: `${witness.sent}` });
      witness.sent += 1;
    }
  }

  /** Every number from 0 on, once, in order. */
  #wrong(witness: Witness, sender: Witness, destination: string): string[] {
    const got = witness.client
      .got(destination)
      .filter(({ senderId }) => senderId === sender.name)
      .map(({ content }) => Number(content));
    const at = got.findIndex((number, index) => number !== index);
    if (at === -1 && got.length === sender.sent) return [];
    const what = at === -1 ? `${got.length} of ${sender.sent}` : `${got[at]} in place of ${at}`;
    return [`${witness.name} got from ${sender.name} on ${destination}: ${what}`];
  }
}

function isOneOf(witnesses: readonly Witness[], senderId: unknown): boolean {
  return witnesses.some(({ name }) => name === senderId);
}
