import type { Clock, Timer } from "../clock.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Actor } from "./actor.ts";
import { type PresenceStatus, presenceEvent } from "./events.ts";
import type { Journal } from "./journal.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore, StoredUser } from "./ports.ts";
import type { UserStore } from "./user-ports.ts";

/** Users who come and go so soon after others are written together. */
const GATHER_MS = 50;

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
  /** The user went offline. */
  readonly onOffline: (userId: string) => void;
  /** A fault where no caller is left to hear of it. */
  readonly onFault: (fault: unknown) => void;
}

/**
 * Who is there. A user with a connection is online, unless they chose another status; after the
 * last one the grace period lets a page reload go unnoticed.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #users = new Map<string, Present>();
  /** Waiting to be written, by user. */
  readonly #unwritten = new Map<string, StoredUser>();
  #writing: Timer | null = null;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Users with a connection, or within the grace after it. */
  get onlineCount(): number {
    return this.#users.size;
  }

  /** With a connection, or within the grace after the last one. */
  isPresent(userId: string): boolean {
    return this.#users.has(userId);
  }

  isOnline(userId: string): boolean {
    return this.#users.get(userId)?.status === "ONLINE";
  }

  connected(userId: string, name: string): void {
    const known = this.#users.get(userId);
    if (known === undefined) {
      const present = { name, connections: 1, status: "ONLINE", grace: null } as const;
      this.#users.set(userId, { ...present, profileName: null, isNamed: false });
      this.#loadName(userId);
      this.#keep(userId, name, this.#options.clock.now());
      this.#tell(userId, "ONLINE", this.#options.clock.now());
      return;
    }
    known.connections += 1;
    known.grace?.cancel();
    known.grace = null;
    if (known.connections === 1 && known.status === "OFFLINE") this.set(userId, "ONLINE");
    if (known.name !== name) {
      known.name = name;
      this.#keep(userId, name, this.#options.clock.now());
    }
  }

  /** What others see as the user's name: that of their profile, of who is there, goes first. */
  nameOf({ userId, name }: Actor): string {
    return this.#users.get(userId)?.profileName ?? name;
  }

  /** By their profile; null: not, and they go by the name that they are authenticated with. */
  named(userId: string, profileName: string | null): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    present.profileName = profileName;
    present.isNamed = true;
  }

  /** The user is to be no more: nothing is kept of when they were there. */
  forget(userId: string): void {
    this.#unwritten.delete(userId);
    const present = this.#users.get(userId);
    if (present === undefined) return;
    present.grace?.cancel();
    this.#users.delete(userId);
    this.#options.onOffline(userId);
    if (present.status !== "OFFLINE") this.#tell(userId, "OFFLINE", this.#options.clock.now());
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
  }

  /** The user's own word; holds until it is changed or the last connection ends. */
  set(userId: string, status: PresenceStatus): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    present.status = status;
    this.#tell(userId, status, this.#options.clock.now());
  }

  /** Online at once and for all to hear, whatever was announced before. */
  announce(userId: string): void {
    this.set(userId, "ONLINE");
  }

  /** Users of this node that are not OFFLINE and may be seen, at most `limit`. */
  online(limit: number, isVisible: (userId: string) => boolean): UserPresence[] {
    const found: UserPresence[] = [];
    for (const [userId, { profileName, name: ownName, status }] of this.#users) {
      if (found.length >= limit) break;
      if (status !== "OFFLINE" && isVisible(userId)) {
        const name = profileName ?? ownName;
        found.push({ userId, name, status, lastSeenMs: this.#options.clock.now() });
      }
    }
    return found;
  }

  /** Those of the users that are known. */
  of(userIds: readonly string[]): MaybePromise<UserPresence[]> {
    const absent = userIds.filter((userId) => !this.#users.has(userId));
    const nowMs = this.#options.clock.now();
    return whenReady(absent.length === 0 ? [] : this.#options.store.users(absent), (stored) => {
      const found: UserPresence[] = stored.map((user) => ({ ...user, status: "OFFLINE" }));
      for (const userId of userIds) {
        const present = this.#users.get(userId);
        if (present === undefined) continue;
        const { profileName, name, status } = present;
        found.push({ userId, name: profileName ?? name, status, lastSeenMs: nowMs });
      }
      return found;
    });
  }

  /** Server stop: everyone's last seen is kept, nobody is told. */
  stop(): void {
    for (const [userId, present] of this.#users) {
      present.grace?.cancel();
      this.#keep(userId, present.name, this.#options.clock.now());
    }
    this.#users.clear();
    this.#writing?.cancel();
    this.#write();
    this.#writing?.cancel();
    this.#writing = null;
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

  #leave(userId: string, leftMs: number): void {
    const present = this.#users.get(userId);
    if (present === undefined) return;
    this.#users.delete(userId);
    this.#keep(userId, present.name, leftMs);
    this.#options.onOffline(userId);
    if (present.status !== "OFFLINE") this.#tell(userId, "OFFLINE", leftMs);
  }

  #keep(userId: string, name: string, lastSeenMs: number): void {
    this.#unwritten.set(userId, { userId, name, lastSeenMs });
    if (this.#writing === null) this.#write();
  }

  /** Nobody waits for it, and each commit costs those who read next: many users are one commit. */
  #write(): void {
    this.#writing = null;
    if (this.#unwritten.size === 0) return;
    const { journal, clock } = this.#options;
    for (const user of this.#unwritten.values()) journal.addUser(user);
    this.#unwritten.clear();
    journal.flush();
    this.#writing = clock.schedule(GATHER_MS, () => this.#write());
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
  grace: Timer | null;
}
