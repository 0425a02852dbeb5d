import type { Clock } from "../clock.ts";
import { Departures } from "./departures.ts";
import { isLater, NO_WORD, type Word } from "./presence-word.ts";

/**
 * Who is gone from one node may have come to another, whose word is on its way: they are not said to
 * be OFFLINE before it must have come.
 */
const SETTLE_MS = 250;

/** A user who is there. */
export interface PresentUser extends Word {
  readonly userId: string;
  readonly name: string;
}

/** A user who has left. */
export interface LeftUser {
  readonly userId: string;
  readonly leftMs: number;
}

export type PresenceChange = PresentUser | LeftUser;

/** Another node, in which users are; known by its identity. */
export interface PresenceNode {
  /** What it says of a user from now on is marked so; see `PresenceElsewhere.sweep`. */
  mark: number;
}

/** The node's own users. */
export interface PresenceHere {
  /** null: they are not here. */
  wordOf(userId: string): Word | null;
  /** The user is here, and has said so later on another node. */
  adopt(userId: string, word: Word): void;
}

export interface PresenceElsewhereOptions {
  readonly here: PresenceHere;
  readonly clock: Clock;
  readonly graceMs: number;
  /** What is true of the user in the whole is another than before. */
  readonly tell: (userId: string, status: Word["status"], lastSeenMs: number) => void;
}

/** What one node says of a user. One object each: there are many. */
interface Source {
  readonly node: PresenceNode;
  name: string;
  status: Word["status"];
  saidMs: number;
  mark: number;
  /** What another node says of them. */
  next: Source | null;
}

interface Departed extends PresentUser {
  readonly leftMs: number;
}

/**
 * Who is there on other nodes, and what that makes of the user in the whole: there with a connection
 * to any node, by the last word that they said on any. Users who have left everywhere count as there
 * until it is certain: a moment after their last node said so; as long as the grace when that node
 * was lost with its connections, and they could not but come back to another.
 */
export class PresenceElsewhere {
  readonly #options: PresenceElsewhereOptions;
  readonly #sources = new Map<string, Source>();
  readonly #left: Departures<Departed>;
  readonly #lost: Departures<Departed>;
  /** Users who are both here and elsewhere. */
  #shared = 0;

  constructor(options: PresenceElsewhereOptions) {
    this.#options = options;
    const { clock, graceMs } = options;
    const onDue = (userId: string, { status, leftMs }: Departed) => {
      if (status !== "OFFLINE") options.tell(userId, "OFFLINE", leftMs);
    };
    this.#left = new Departures(clock, SETTLE_MS, onDue);
    this.#lost = new Departures(clock, graceMs + SETTLE_MS, onDue);
  }

  /** Users who are there and not here. */
  get count(): number {
    return this.#sources.size - this.#shared + this.#left.size + this.#lost.size;
  }

  /** On a node other than this one. */
  has(userId: string): boolean {
    return this.#sources.has(userId);
  }

  /** By the later of their words; null: not elsewhere. */
  find(userId: string): PresentUser | null {
    const first = this.#sources.get(userId);
    if (first === undefined) return this.#departed(userId);
    const { name } = first;
    let latest = first;
    for (let source = first.next; source !== null; source = source.next) {
      if (isLater(source, latest)) latest = source;
    }
    return { userId, name, status: latest.status, saidMs: latest.saidMs };
  }

  /** Of users who are elsewhere; some of them are here too. */
  *userIds(): Iterable<string> {
    yield* this.#sources.keys();
    yield* this.#left.userIds();
    yield* this.#lost.userIds();
  }

  /** The user is here from now on; the word that they come with. */
  arrived(userId: string): Word {
    if (this.#sources.has(userId)) {
      this.#shared += 1;
      return this.find(userId) ?? NO_WORD;
    }
    const departed = this.#take(userId);
    // OFFLINE ends with the connection that was left.
    return departed === null || departed.status === "OFFLINE" ? NO_WORD : departed;
  }

  /** The user, who was here, is not any more. */
  left(user: PresentUser, leftMs: number): void {
    if (this.#sources.has(user.userId)) this.#parted(user.userId, user, leftMs);
    else this.#left.add(user.userId, departed(user, leftMs));
  }

  /** The user, who was here, is to be no more: nobody waits for them. */
  forgotten(userId: string, user: Word | null): void {
    const word = user ?? this.#take(userId);
    const nowMs = this.#options.clock.now();
    if (this.#sources.has(userId)) {
      if (user !== null) this.#parted(userId, user, nowMs);
    } else if (word !== null && word.status !== "OFFLINE") {
      this.#options.tell(userId, "OFFLINE", nowMs);
    }
  }

  /** A node says so of one of its users. */
  change(node: PresenceNode, change: PresenceChange): void {
    if ("name" in change) this.#put(node, change);
    else this.#remove(node, change.userId, this.#left, change.leftMs);
  }

  /** All users of the node are gone of whom it has said nothing since its mark was changed. */
  sweep(node: PresenceNode): void {
    const leftMs = this.#options.clock.now();
    for (const userId of this.#usersOf(node, ({ mark }) => mark !== node.mark)) {
      this.#remove(node, userId, this.#left, leftMs);
    }
  }

  /** The node is lost, and its users with it. */
  drop(node: PresenceNode, leftMs: number): void {
    for (const userId of this.#usersOf(node, () => true)) {
      this.#remove(node, userId, this.#lost, leftMs);
    }
  }

  stop(): void {
    this.#left.stop();
    this.#lost.stop();
  }

  #put(node: PresenceNode, { userId, name, status, saidMs }: PresentUser): void {
    const { here } = this.#options;
    const before = this.#statusOf(userId);
    const first = this.#sources.get(userId) ?? null;
    let source = first;
    while (source !== null && source.node !== node) source = source.next;
    if (source === null) {
      source = { node, name, status, saidMs, mark: node.mark, next: first };
      this.#sources.set(userId, source);
      if (first === null && here.wordOf(userId) !== null) this.#shared += 1;
    } else {
      // The text that is there may be the user's id as well, and is kept once.
      if (source.name !== name) source.name = name;
      source.status = status;
      source.saidMs = saidMs;
      source.mark = node.mark;
    }
    this.#take(userId);
    const own = here.wordOf(userId);
    if (own !== null && isLater(source, own)) here.adopt(userId, source);
    this.#tellChange(userId, before, this.#options.clock.now());
  }

  #remove(
    node: PresenceNode,
    userId: string,
    departures: Departures<Departed>,
    leftMs: number,
  ): void {
    const before = this.#statusOf(userId);
    const user = this.find(userId);
    let previous: Source | null = null;
    let source = this.#sources.get(userId) ?? null;
    while (source !== null && source.node !== node) {
      previous = source;
      source = source.next;
    }
    if (source === null || user === null) return;
    if (previous !== null) previous.next = source.next;
    else if (source.next !== null) this.#sources.set(userId, source.next);
    else {
      this.#sources.delete(userId);
      if (this.#options.here.wordOf(userId) !== null) this.#shared -= 1;
      else departures.add(userId, departed(user, leftMs));
    }
    this.#tellChange(userId, before, leftMs);
  }

  /** The user was here as well, by this word. */
  #parted(userId: string, word: Word, leftMs: number): void {
    this.#shared -= 1;
    const rest = this.find(userId);
    const before = rest === null || isLater(word, rest) ? word : rest;
    this.#tellChange(userId, before.status, leftMs);
  }

  #usersOf(node: PresenceNode, isMeant: (source: Source) => boolean): string[] {
    const found: string[] = [];
    for (const [userId, first] of this.#sources) {
      for (let source: Source | null = first; source !== null; source = source.next) {
        if (source.node === node && isMeant(source)) found.push(userId);
      }
    }
    return found;
  }

  /** In the whole. */
  #statusOf(userId: string): Word["status"] {
    const own = this.#options.here.wordOf(userId);
    const other = this.find(userId);
    if (own === null || other === null) return (own ?? other)?.status ?? "OFFLINE";
    return isLater(other, own) ? other.status : own.status;
  }

  #tellChange(userId: string, before: Word["status"], nowMs: number): void {
    const status = this.#statusOf(userId);
    if (status !== before) this.#options.tell(userId, status, nowMs);
  }

  #departed(userId: string): Departed | null {
    return this.#left.get(userId) ?? this.#lost.get(userId);
  }

  #take(userId: string): Departed | null {
    return this.#left.take(userId) ?? this.#lost.take(userId);
  }
}

function departed({ userId, name, status, saidMs }: PresentUser, leftMs: number): Departed {
  return { userId, name, status, saidMs, leftMs };
}
