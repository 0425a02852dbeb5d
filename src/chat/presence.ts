import type { Clock, Timer } from "../clock.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Actor } from "./actor.ts";
import { type PresenceStatus, presenceEvent } from "./events.ts";
import type { Journal } from "./journal.ts";
import { LastSeen } from "./last-seen.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import { PresenceElsewhere, type PresentUser } from "./presence-elsewhere.ts";
import { isLater, NO_WORD, type Word } from "./presence-word.ts";
import type { UserStore } from "./user-ports.ts";

export interface UserPresence {
  readonly userId: string;
  readonly name: string;
  readonly status: PresenceStatus;
  /** Of someone online: now. */
  readonly lastSeenMs: number;
}

export interface PresenceOptions {
  readonly store: ChatStore;
  readonly users: Pick<UserStore, "nameOf">;
  readonly journal: Journal;
  readonly outlet: Outlet;
  readonly clock: Clock;
  /** Between the loss of a user's last connection and OFFLINE. */
  readonly graceMs: number;
  /** The user has no connection to this node any more. */
  readonly onOffline: (userId: string) => void;
  /** A fault where no caller is left to hear of it. */
  readonly onFault: (fault: unknown) => void;
}

/** What is to be told of a user of this node is another than before; since when they are not here. */
export type OnPresenceHere = (userId: string, leftMs: number) => void;

/**
 * Who is there. A user with a connection is online, unless they chose another status; after the
 * last one the grace period lets a page reload go unnoticed. Where there are other nodes, a
 * connection to any of them counts, and what is told is true of all together.
 */
export class Presence {
  readonly #options: PresenceOptions;
  /** With a connection to this node, or within the grace after it. */
  readonly #users = new Map<string, Present>();
  readonly #lastSeen: LastSeen;
  /** null: there are no other nodes. */
  #elsewhere: PresenceElsewhere | null = null;
  #onHere: OnPresenceHere = () => {};

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#lastSeen = new LastSeen(options.journal, options.clock);
  }

  /** Users with a connection, or within the grace after it; of all nodes. */
  get onlineCount(): number {
    return this.#users.size + (this.#elsewhere?.count ?? 0);
  }

  /** Those of this node. */
  get hereCount(): number {
    return this.#users.size;
  }

  /** There are other nodes: what is returned is told of their users. Before the first user comes. */
  share(onHere: OnPresenceHere): PresenceElsewhere {
    const { clock, graceMs } = this.#options;
    this.#onHere = onHere;
    this.#elsewhere = new PresenceElsewhere({
      here: {
        wordOf: (userId) => this.#users.get(userId) ?? null,
        adopt: (userId, word) => this.#adopt(userId, word),
      },
      ...{ clock, graceMs },
      tell: (userId, status, lastSeenMs) => this.#tell(userId, status, lastSeenMs),
    });
    return this.#elsewhere;
  }

  /** What other nodes are told of the user; null: that they are not here. */
  here(userId: string): PresentUser | null {
    const present = this.#users.get(userId);
    if (present === undefined) return null;
    const { connections, status, saidMs, profileName, name } = present;
    // A word of OFFLINE ends with the connection.
    if (connections === 0 && status === "OFFLINE") return null;
    return { userId, name: profileName ?? name, status, saidMs };
  }

  /** Whom other nodes are told of; who comes while it is read is among them. */
  *allHere(): IterableIterator<PresentUser> {
    for (const userId of this.#users.keys()) {
      const user = this.here(userId);
      if (user !== null) yield user;
    }
  }

  /** With a connection to this node, or within the grace after the last one. */
  isHere(userId: string): boolean {
    return this.#users.has(userId);
  }

  /** With a connection to any node, or within the grace after the last one. */
  isThere(userId: string): boolean {
    return this.#find(userId) !== null;
  }

  isOnline(userId: string): boolean {
    return this.#find(userId)?.status === "ONLINE";
  }

  connected(userId: string, name: string): void {
    const known = this.#users.get(userId);
    if (known === undefined) {
      this.#arrive(userId, name);
      return;
    }
    known.connections += 1;
    known.grace?.cancel();
    known.grace = null;
    if (known.connections === 1 && known.status === "OFFLINE") {
      if (this.#elsewhere?.has(userId) === true) this.#changed(userId);
      else this.set(userId, "ONLINE");
    }
    if (known.name !== name) {
      known.name = name;
      this.#lastSeen.keep(userId, name, this.#options.clock.now());
      this.#changed(userId);
    }
  }

  /** What others see as the user's name: that of their profile, of who is here, goes first. */
  nameOf({ userId, name }: Actor): string {
    return this.#users.get(userId)?.profileName ?? name;
  }

  /** By their profile; null: not, and they go by the name that they are authenticated with. */
  named(userId: string, profileName: string | null): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    present.isNamed = true;
    if (present.profileName === profileName) return;
    present.profileName = profileName;
    this.#changed(userId);
  }

  /** The user is to be no more: nothing is kept of when they were there. */
  forget(userId: string): void {
    this.#lastSeen.forget(userId);
    const present = this.#users.get(userId) ?? null;
    if (present !== null) {
      present.grace?.cancel();
      this.#users.delete(userId);
      this.#options.onOffline(userId);
      this.#changed(userId);
    }
    if (this.#elsewhere !== null) this.#elsewhere.forgotten(userId, present);
    else if (present !== null) this.#tellLeft(userId, present, this.#options.clock.now());
  }

  /** Ends one connection. */
  disconnected(userId: string): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    present.connections -= 1;
    if (present.connections > 0) return;
    const { clock, graceMs } = this.#options;
    const leftMs = clock.now();
    present.grace = clock.schedule(graceMs, () => this.#leave(userId, leftMs));
    if (present.status === "OFFLINE") this.#changed(userId, leftMs);
  }

  /** The user's own word; holds until it is changed or the last connection ends. */
  set(userId: string, status: PresenceStatus): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    const nowMs = this.#options.clock.now();
    // Later than what was said before, whatever the other nodes' clocks are.
    const before = this.#find(userId) ?? NO_WORD;
    present.saidMs = Math.max(nowMs, before.saidMs + 1);
    present.status = status;
    this.#tell(userId, status, nowMs);
    this.#changed(userId);
  }

  /** Online at once and for all to hear, whatever was announced before. */
  announce(userId: string): void {
    this.set(userId, "ONLINE");
  }

  /** Users who are not OFFLINE and may be seen, at most `limit`. */
  online(limit: number, isVisible: (userId: string) => boolean): UserPresence[] {
    const found: UserPresence[] = [];
    for (const userId of this.#userIds()) {
      if (found.length >= limit) break;
      const user = isVisible(userId) ? this.#find(userId) : null;
      if (user !== null && user.status !== "OFFLINE") found.push(this.#asNow(user));
    }
    return found;
  }

  /** Those of the users that are known. */
  of(userIds: readonly string[]): MaybePromise<UserPresence[]> {
    const there: UserPresence[] = [];
    const absent: string[] = [];
    for (const userId of userIds) {
      const user = this.#find(userId);
      if (user === null) absent.push(userId);
      else there.push(this.#asNow(user));
    }
    return whenReady(absent.length === 0 ? [] : this.#options.store.users(absent), (stored) => {
      const found: UserPresence[] = stored.map((user) => ({ ...user, status: "OFFLINE" }));
      return [...found, ...there];
    });
  }

  /** Server stop: everyone's last seen is kept, nobody is told. */
  stop(): void {
    for (const [userId, present] of this.#users) {
      present.grace?.cancel();
      this.#lastSeen.keep(userId, present.name, this.#options.clock.now());
    }
    this.#users.clear();
    this.#elsewhere?.stop();
    this.#lastSeen.stop();
  }

  #arrive(userId: string, name: string): void {
    const before = this.#find(userId)?.status ?? "OFFLINE";
    const { status, saidMs } = this.#elsewhere?.arrived(userId) ?? NO_WORD;
    const connected = { connections: 1, grace: null, profileName: null, isNamed: false };
    this.#users.set(userId, { name, status, saidMs, ...connected });
    this.#loadName(userId);
    const nowMs = this.#options.clock.now();
    this.#lastSeen.keep(userId, name, nowMs);
    if (status !== before) this.#tell(userId, status, nowMs);
    this.#changed(userId);
  }

  #loadName(userId: string): void {
    const { users, onFault } = this.#options;
    try {
      const name = users.nameOf(userId);
      const loaded = (later: string | null) => {
        // What was set meanwhile is newer.
        if (this.#users.get(userId)?.isNamed === false) this.named(userId, later);
      };
      if (name instanceof Promise) name.then(loaded).catch(onFault);
      else loaded(name);
    } catch (fault) {
      onFault(fault);
    }
  }

  /** Said on another node, and from now on true here as well. */
  #adopt(userId: string, { status, saidMs }: Word): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    present.status = status;
    present.saidMs = saidMs;
    this.#changed(userId);
  }

  #leave(userId: string, leftMs: number): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    const { profileName, name, status, saidMs } = present;
    this.#users.delete(userId);
    this.#lastSeen.keep(userId, name, leftMs);
    this.#options.onOffline(userId);
    if (this.#elsewhere === null) this.#tellLeft(userId, present, leftMs);
    else this.#elsewhere.left({ userId, name: profileName ?? name, status, saidMs }, leftMs);
    this.#changed(userId, leftMs);
  }

  /** In the whole; null: nowhere. */
  #find(userId: string): PresentUser | null {
    const own = this.#users.get(userId);
    const other = this.#elsewhere?.find(userId) ?? null;
    if (own === undefined) return other;
    const { profileName, name: ownName } = own;
    const { status, saidMs } = other !== null && isLater(other, own) ? other : own;
    return { userId, name: profileName ?? ownName, status, saidMs };
  }

  /** Each once; those of this node first. */
  *#userIds(): Iterable<string> {
    yield* this.#users.keys();
    for (const userId of this.#elsewhere?.userIds() ?? []) {
      if (!this.#users.has(userId)) yield userId;
    }
  }

  #asNow({ userId, name, status }: PresentUser): UserPresence {
    return { userId, name, status, lastSeenMs: this.#options.clock.now() };
  }

  #changed(userId: string, leftMs = this.#options.clock.now()): void {
    this.#onHere(userId, leftMs);
  }

  #tellLeft(userId: string, { status }: Word, leftMs: number): void {
    if (status !== "OFFLINE") this.#tell(userId, "OFFLINE", leftMs);
  }

  #tell(userId: string, status: PresenceStatus, lastSeenMs: number): void {
    this.#options.outlet.presence(userId, presenceEvent(userId, status, lastSeenMs));
  }
}

interface Present {
  /** As authenticated. */
  name: string;
  profileName: string | null;
  /** `profileName` is known. */
  isNamed: boolean;
  connections: number;
  status: PresenceStatus;
  saidMs: number;
  grace: Timer | null;
}
