import { BusyLoop } from "../load/busy-loop.ts";
import { Latencies } from "../load/latencies.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import type { PhaseWork } from "../load/phase.ts";
import { connectMany, StompClient } from "../load/stomp-client.ts";
import { countLost, noFaults } from "../measurement.ts";

const CONTENT = "The quick brown fox jumps over the lazy dog. ".repeat(3).slice(0, 128);
/** Before anything is measured. */
const WRITTEN_PER_SECOND = 300;

const MESSAGE_ID = /"messageId":"([^"]+)"/;
const ID = /"id":"([^"]+)"/;

/** Pairs of whom one has written and the other reads: of each message its sender gets READ. */
export class Readings {
  readonly faults = noFaults();
  readonly #toReceipt = new Latencies("read → READ");
  readonly latencies = [this.#toReceipt];
  readonly #pairs: number;
  readonly #loop = new BusyLoop();
  #users: StompClient[] = [];
  /** By pair, what its reader has got and not yet read. */
  readonly #unread: string[][];
  #received = 0;
  /** When the message was to be read, until its sender knows. */
  readonly #dueMs = new Map<string, number>();
  #progressMs = 0;
  #read = 0;

  constructor(pairs: number) {
    this.#pairs = pairs;
    this.#unread = Array.from({ length: pairs }, () => []);
  }

  /** User 2n writes to user 2n + 1. */
  async connect(portOf: (user: number) => number): Promise<void> {
    this.#users = await connectMany(2 * this.#pairs, async (user) => {
      const userId = `user-${user}`;
      const client = await StompClient.connect({
        ...{ port: portOf(user), userId, heartBeat: "0,0" },
        onMessage: (bytes, start, end) => this.#got(user, bytes.toString("latin1", start, end)),
        onLost: countLost(this.faults, userId),
      });
      await client.subscribe({
        m: "/user/queue/messages",
        r: "/user/queue/receipts",
        e: "/user/queue/errors",
      });
      return client;
    });
  }

  /** Each pair has so many messages to read. */
  async write(each: number): Promise<void> {
    const count = each * this.#pairs;
    let sent = 0;
    await runOpenLoop(this.#loop, {
      ...{ perSecond: WRITTEN_PER_SECOND, seconds: count / WRITTEN_PER_SECOND },
      send: () => {
        const pair = sent % this.#pairs;
        this.#users[2 * pair]?.send(
          `SEND\ndestination:/app/chat.send\n\n{"conversationId":"pair-${pair}","recipientId":"user-${2 * pair + 1}","content":"${CONTENT}"}\0`,
        );
        sent += 1;
      },
      isDrained: () => this.#received === count,
      progressMs: () => this.#progressMs,
    });
    this.faults.lost += count - this.#received;
  }

  /** Readers by turns; until their senders know. */
  async read(perSecond: number, seconds: number): Promise<PhaseWork> {
    const { count, ...took } = await runOpenLoop(this.#loop, {
      ...{ perSecond, seconds },
      send: (dueMs) => this.#readNext(dueMs),
      isDrained: () => this.#dueMs.size === 0,
      progressMs: () => this.#progressMs,
    });
    this.faults.lost += this.#dueMs.size;
    this.#dueMs.clear();
    return { messages: count, deliveries: count, ...took };
  }

  close(): void {
    for (const user of this.#users) user.close();
  }

  #readNext(dueMs: number): void {
    const pair = this.#read % this.#pairs;
    this.#read += 1;
    const id = this.#unread[pair]?.shift();
    if (id === undefined) throw new RangeError("There is nothing left to read");
    this.#dueMs.set(id, dueMs);
    this.#users[2 * pair + 1]?.send(`SEND\ndestination:/app/chat.read\n\n{"id":"${id}"}\0`);
  }

  #got(user: number, frame: string): void {
    this.#loop.worked();
    this.#progressMs = performance.now();
    if (frame.includes("\nsubscription:m\n")) {
      this.#unread[user >> 1]?.push(ID.exec(frame)?.[1] ?? "");
      this.#received += 1;
      return;
    }
    if (!frame.includes("\nsubscription:r\n")) {
      if (this.faults.refused === 0) console.error(frame);
      this.faults.refused += 1;
      return;
    }
    const id = MESSAGE_ID.exec(frame)?.[1] ?? "";
    const dueMs = this.#dueMs.get(id);
    if (dueMs === undefined) return;
    this.#dueMs.delete(id);
    this.#toReceipt.record(this.#progressMs - dueMs);
  }
}
