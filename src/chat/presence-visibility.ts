import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Blocks } from "./blocks.ts";
import type { Contacts } from "./contacts.ts";

/** To whom a user's presence is shown, beside themselves; contacts share a conversation. */
export type PresenceScope = "everyone" | "contacts" | "nobody";

/** Who may see a user's presence. */
export interface Viewers {
  /** Nobody else may; null: everybody but some. */
  readonly userIds: ReadonlySet<string> | null;
  includes(viewerId: string): boolean;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Who may see whose presence and last seen. Everyone sees their own; nobody sees who blocks them. */
export class PresenceVisibility {
  constructor(
    readonly scope: PresenceScope,
    readonly blocks: Blocks,
    readonly contacts: Contacts,
  ) {}

  /** Throws STORAGE_UNAVAILABLE. */
  viewersOf(userId: string): MaybePromise<Viewers> {
    return whenReady(this.#circleOf(userId), (userIds) => ({
      userIds,
      includes: (viewerId: string) =>
        viewerId === userId || (isIn(userIds, viewerId) && !this.blocks.has(userId, viewerId)),
    }));
  }

  /** Whether the viewer may see a user. Throws STORAGE_UNAVAILABLE. */
  viewOf(viewerId: string): MaybePromise<(userId: string) => boolean> {
    return whenReady(
      this.#circleOf(viewerId),
      (userIds) => (userId: string) =>
        userId === viewerId || (isIn(userIds, userId) && !this.blocks.has(userId, viewerId)),
    );
  }

  /** Contacts are so both ways. */
  #circleOf(userId: string): MaybePromise<ReadonlySet<string> | null> {
    if (this.scope === "everyone") return null;
    return this.scope === "nobody" ? NOBODY : this.contacts.of(userId);
  }
}

function isIn(userIds: ReadonlySet<string> | null, userId: string): boolean {
  return userIds === null || userIds.has(userId);
}
