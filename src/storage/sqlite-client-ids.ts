import type { Database, Statement } from "bun:sqlite";
import type { Clock, Timer } from "../clock.ts";
import { BloomFilter } from "./bloom-filter.ts";
import { READS } from "./sqlite-reads.ts";

/** Rows that one turn reads, and the pause that others get after it. */
const PAGE = 1_000;
const PAUSE_MS = 1;

/** Past so many, with 56 MiB, the memory is better used elsewhere. */
const MOST_IDS = 33_000_000;

interface ClientIdRow {
  readonly senderId: string;
  readonly clientMessageId: string;
}

type Page = Statement<ClientIdRow, [senderId: string, clientMessageId: string, limit: number]>;

/**
 * Which of the senders' own ids the database surely does not have, so that a new message needs no
 * look-up. Until all ids that it had at the start are read, and from MOST_IDS on, nothing is sure.
 */
export class ClientIds {
  readonly #clock: Clock;
  readonly #mostIds: number;
  /** In the order in which a message moves when it expires, so that none is missed on its way. */
  readonly #pages: Page[];
  #last: ClientIdRow = { senderId: "", clientMessageId: "" };
  #filter: BloomFilter | null = new BloomFilter();
  #timer: Timer | null = null;

  constructor(reader: Database, clock: Clock, mostIds = MOST_IDS) {
    this.#clock = clock;
    this.#mostIds = mostIds;
    this.#pages = [READS.clientIds, READS.removedClientIds].map((sql) => reader.query(sql));
    this.#read();
  }

  /** The message is about to be written. */
  add(senderId: string, clientMessageId: string): void {
    this.#filter?.add(keyOf(senderId, clientMessageId));
    if ((this.#filter?.size ?? 0) >= this.#mostIds) this.#giveUp();
  }

  surelyNew(senderId: string, clientMessageId: string): boolean {
    const filter = this.#filter;
    if (filter === null || this.#pages.length > 0) return false;
    return !filter.mayHave(keyOf(senderId, clientMessageId));
  }

  stop(): void {
    this.#giveUp();
  }

  #giveUp(): void {
    this.#filter = null;
    this.#timer?.cancel();
  }

  readonly #read = (): void => {
    const [page] = this.#pages;
    if (page === undefined || this.#filter === null) return;
    const rows = this.#pageAfterLast(page);
    if (rows === null) return;
    for (const row of rows) this.add(row.senderId, row.clientMessageId);
    const last = rows.at(-1);
    if (rows.length === PAGE && last !== undefined) {
      this.#last = last;
    } else {
      this.#pages.shift();
      this.#last = { senderId: "", clientMessageId: "" };
    }
    if (this.#pages.length === 0) return;
    if (rows.length < PAGE) this.#read();
    else this.#timer = this.#clock.schedule(PAUSE_MS, this.#read);
  };

  /** null when it cannot be read: then look-ups, which say so, go on. */
  #pageAfterLast(page: Page): ClientIdRow[] | null {
    const { senderId, clientMessageId } = this.#last;
    try {
      return page.all(senderId, clientMessageId, PAGE);
    } catch {
      this.#giveUp();
      return null;
    }
  }
}

/** As the database keeps it; a user's id holds no space, so the pair is unambiguous. */
function keyOf(senderId: string, clientMessageId: string): string {
  return `${senderId} ${clientMessageId}`.toWellFormed();
}
