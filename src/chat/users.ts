import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import type { Blocks } from "./blocks.ts";
import type { Erasures } from "./erasures.ts";
import { profileEvent } from "./events.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import type { Presence } from "./presence.ts";
import type { KnownUser, UserProfile, UserStore } from "./user-ports.ts";

/** Of one user; who has more of them tells these. */
const MOST_CONTACTS = 20_000;
/** A user's changes that come so soon after others are told together. */
const GATHER_MS = 1_000;

export interface UsersOptions {
  readonly store: UserStore;
  readonly chats: Pick<ChatStore, "contactsOf">;
  readonly presence: Presence;
  readonly blocks: Blocks;
  readonly erasures: Erasures;
  readonly outlet: Outlet;
  readonly clock: Clock;
  /** Users may change their own; else `SYSTEM` alone does. */
  readonly openProfiles: boolean;
  /** A fault where no caller is left to hear of it. */
  readonly onFault: (fault: unknown) => void;
}

/** What is not named, or undefined, stays as it is. */
export type UserProfileChange = {
  readonly [Part in keyof UserProfile]?: string | null | undefined;
};

/**
 * How users show themselves. A name that is set goes before the one that they are authenticated with,
 * wherever others see it from then on; messages keep the name that they were sent under.
 */
export class Users {
  readonly #options: UsersOptions;
  /** By user: they have been told of a moment ago. `isDue`: and have changed since. */
  readonly #telling = new Map<string, { readonly timer: Timer; isDue: boolean }>();

  readonly #listeners: ((userId: string) => void)[] = [];

  constructor(options: UsersOptions) {
    this.#options = options;
  }

  /** Hears of profiles that are other ones than before, on disk too, by this node. */
  onChange(listener: (userId: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Another node has changed the profile: those who are connected here are told as it is then. */
  changedElsewhere(userId: string): void {
    this.#tellSoon(userId);
  }

  /** Names of those who are there, as they are kept by now. Rejects with STORAGE_UNAVAILABLE. */
  async renewNames(userIds: readonly string[]): Promise<void> {
    const { store, presence } = this.#options;
    const there = userIds.filter((userId) => presence.isHere(userId));
    if (there.length === 0) return;
    const names = new Map((await store.known(there)).map(({ userId, name }) => [userId, name]));
    for (const userId of there) presence.named(userId, names.get(userId) ?? null);
  }

  /** The actor by the name of their profile, where they have one. Throws STORAGE_UNAVAILABLE. */
  named<Somebody extends Actor>(actor: Somebody): MaybePromise<Somebody> {
    const { store, presence } = this.#options;
    // Of who is here, it is known.
    if (presence.isHere(actor.userId)) return { ...actor, name: presence.nameOf(actor) };
    return whenReady(store.nameOf(actor.userId), (name) =>
      name === null ? actor : { ...actor, name },
    );
  }

  /**
   * Those of the users who are known and whom the viewer may see: all, for `SYSTEM`; for a user
   * themselves, and who shares a conversation with them and does not block them. Who asks is always
   * known. In no particular order.
   */
  async known(viewer: Actor, userIds: readonly string[]): Promise<KnownUser[]> {
    const { store, blocks } = this.#options;
    const others = userIds.filter((userId) => userId !== viewer.userId);
    const isSharing =
      viewer === SYSTEM || others.length === 0
        ? new Set(others)
        : new Set(await store.sharing(viewer.userId, others));
    const visible = userIds.filter(
      (userId) =>
        userId === viewer.userId || (isSharing.has(userId) && !blocks.has(userId, viewer.userId)),
    );
    const found = await store.known(visible);
    const { userId, name } = viewer;
    const isMissing = userIds.includes(userId) && !found.some((user) => user.userId === userId);
    if (!isMissing || viewer === SYSTEM) return found;
    const nothing = { name: null, picture: null, lastSeenMs: null };
    return [...found, { userId, ...nothing, authenticatedName: name }];
  }

  /** All that are known, ascending by id, behind that one. Rejects with STORAGE_UNAVAILABLE. */
  async list(after: string | null, limit: number): Promise<KnownUser[]> {
    return await this.#options.store.list(after, limit);
  }

  /**
   * For the user themselves, where profiles are open, and `SYSTEM`, who thereby makes a user known. The profile as it is then;
   * when that is on disk, and another than before, the user's connections and their contacts' are
   * told. Rejects with NOT_PERMITTED, USER_BEING_ERASED, STORAGE_UNAVAILABLE.
   */
  async change(actor: Actor, userId: string, change: UserProfileChange): Promise<KnownUser> {
    if (actor !== SYSTEM && actor.userId !== userId) {
      throw new AppError("NOT_PERMITTED", "A profile is its user's to change");
    }
    const { store, erasures, presence, openProfiles } = this.#options;
    if (actor !== SYSTEM && !openProfiles) {
      throw new AppError("NOT_PERMITTED", "Names and pictures are set by the app's back end");
    }
    erasures.assertNone(userId);
    const { name, picture } = change;
    const [before] = await store.known([userId]);
    await store.putProfile(userId, {
      ...(name !== undefined && { name }),
      ...(picture !== undefined && { picture }),
    });
    const [user] = await store.known([userId]);
    // Gone meanwhile, with the user.
    if (user === undefined) throw userNotFound(userId);
    presence.named(userId, user.name);
    const { name: nameBefore = null, picture: pictureBefore = null } = before ?? {};
    if (user.name !== nameBefore || user.picture !== pictureBefore) {
      this.#tellSoon(userId);
      for (const listener of this.#listeners) listener(userId);
    }
    return user;
  }

  /** Tells nobody any more. */
  stop(): void {
    for (const { timer } of this.#telling.values()) timer.cancel();
    this.#telling.clear();
  }

  /** At once; the next time not before a while has passed, and then as it is then. */
  #tellSoon(userId: string): void {
    const told = this.#telling.get(userId);
    if (told !== undefined) {
      told.isDue = true;
      return;
    }
    const timer = this.#options.clock.schedule(GATHER_MS, () => {
      const { isDue = false } = this.#telling.get(userId) ?? {};
      this.#telling.delete(userId);
      if (isDue) this.#tellSoon(userId);
    });
    this.#telling.set(userId, { timer, isDue: false });
    this.#tell(userId).catch(this.#options.onFault);
  }

  async #tell(userId: string): Promise<void> {
    const { store, chats, blocks, outlet, clock } = this.#options;
    const contacts = await chats.contactsOf(userId, MOST_CONTACTS);
    const [user] = await store.known([userId]);
    if (user === undefined) return;
    const body = profileEvent(user, clock.now());
    const told = contacts.filter((contactId) => !blocks.has(userId, contactId));
    outlet.profile([userId, ...told], body);
  }
}

export function userNotFound(userId: string): AppError {
  return new AppError("USER_NOT_FOUND", `No user ${userId} with whom you share a conversation`);
}
