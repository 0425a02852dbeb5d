import type { Database, Statement } from "bun:sqlite";
import type { WriteBatch } from "../chat/chat-writes.ts";
import type { Clock, Timer } from "../clock.ts";
import { BloomFilter } from "./bloom-filter.ts";
import { READS } from "./sqlite-reads.ts";

/** Rows that one turn reads, and the pause that others get after it. */
const PAGE = 1_000;
const PAUSE_MS = 1;

/** Past so many, with 56 MiB, the memory is better used elsewhere. */
const MOST_NAMES = 33_000_000;

/**
 * Which users are surely members of no conversation, so that nothing need be looked up for them when
 * they connect. Until all members that the database had at the start are read, and from MOST_NAMES
 * on, nothing is sure.
 */
export class MemberNames {
  readonly #clock: Clock;
  readonly #mostNames: number;
  readonly #page: Statement<{ readonly userId: string }, [after: string, limit: number]>;
  #last = "";
  #isRead = false;
  #filter: BloomFilter | null = new BloomFilter();
  #timer: Timer | null = null;

  constructor(reader: Database, clock: Clock, mostNames = MOST_NAMES) {
    this.#clock = clock;
    this.#mostNames = mostNames;
    this.#page = reader.query(READS.memberNames);
    this.#read();
  }

  /** The batch is about to be written. */
  addAll({ conversations, addedMembers }: WriteBatch): void {
    for (const { members } of conversations) for (const { userId } of members) this.#add(userId);
    for (const { userId } of addedMembers) this.#add(userId);
  }

  surelyNone(userId: string): boolean {
    const filter = this.#filter;
    return filter !== null && this.#isRead && !filter.mayHave(userId.toWellFormed());
  }

  stop(): void {
    this.#filter = null;
    this.#timer?.cancel();
  }

  /** Those that may be known are not counted again: users come into many conversations. */
  #add(userId: string): void {
    const name = userId.toWellFormed();
    if (this.#filter === null || this.#filter.mayHave(name)) return;
    this.#filter.add(name);
    if (this.#filter.size >= this.#mostNames) this.stop();
  }

  readonly #read = (): void => {
    let rows: { readonly userId: string }[];
    try {
      rows = this.#page.all(this.#last, PAGE);
    } catch {
      this.stop(); // Look-ups, which say so, go on.
      return;
    }
    for (const { userId } of rows) this.#add(userId);
    this.#last = rows.at(-1)?.userId ?? this.#last;
    this.#isRead = rows.length < PAGE;
    if (!this.#isRead && this.#filter !== null) {
      this.#timer = this.#clock.schedule(PAUSE_MS, this.#read);
    }
  };
}
