import { MOST_LOOKED_AT, SURELY_SHARED } from "../chat/user-ports.ts";

/** Whether somebody shares a conversation with the user who asks. */
export interface Sharing {
  readonly userId: string;
  readonly isSharing: boolean;
  /** Else they may share one that was not looked at. */
  readonly isSure: boolean;
}

/**
 * `UserStore.sharing`, from a look at `most` conversations of each of two users. Few are in so many
 * that the first look leaves it open; those share what else may be looked at.
 */
export function sharingWithin(
  userIds: readonly string[],
  look: (userIds: readonly string[], most: number) => readonly Sharing[],
): string[] {
  const found = look(userIds, SURELY_SHARED);
  const open = found.filter(({ isSharing, isSure }) => !isSharing && !isSure);
  const each = open.length === 0 ? 0 : Math.floor(MOST_LOOKED_AT / open.length);
  const more =
    each > SURELY_SHARED
      ? look(
          open.map(({ userId }) => userId),
          each,
        )
      : [];
  return [...found, ...more].filter(({ isSharing }) => isSharing).map(({ userId }) => userId);
}
