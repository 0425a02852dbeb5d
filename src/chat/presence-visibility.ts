import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Blocks } from "./blocks.ts";
import type { Contacts } from "./contacts.ts";

/** To whom a user's presence is shown, beside themselves; contacts share a conversation. */
export type PresenceScope = "everyone" | "contacts" | "nobody";

const NOBODY: ReadonlySet<string> = new Set();

/** Who may see whose presence and last seen. Everyone sees their own; nobody sees who blocks them. */
export class PresenceVisibility {
  constructor(
    readonly scope: PresenceScope,
    readonly blocks: Blocks,
    readonly contacts: Contacts,
  ) {}

  /** Whether the viewer may see a user. Throws STORAGE_UNAVAILABLE. */
  viewOf(viewerId: string): MaybePromise<(userId: string) => boolean> {
    return whenReady(
      this.#circleOf(viewerId),
      (userIds) => (userId: string) =>
        userId === viewerId ||
        ((userIds === null || userIds.has(userId)) && !this.blocks.has(userId, viewerId)),
    );
  }

  /** Contacts are so both ways. */
  #circleOf(userId: string): MaybePromise<ReadonlySet<string> | null> {
    if (this.scope === "everyone") return null;
    return this.scope === "nobody" ? NOBODY : this.contacts.of(userId);
  }
}
