import { MOST_LOOKED_AT, SURELY_SHARED } from "../chat/user-ports.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";

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
  look: (userIds: readonly string[], most: number) => MaybePromise<readonly Sharing[]>,
): MaybePromise<string[]> {
  return whenReady(look(userIds, SURELY_SHARED), (found) => {
    const open = found.filter(({ isSharing, isSure }) => !isSharing && !isSure);
    const each = open.length === 0 ? 0 : Math.floor(MOST_LOOKED_AT / open.length);
    if (each <= SURELY_SHARED) return sharersAmong(found);
    const openIds = open.map(({ userId }) => userId);
    return whenReady(look(openIds, each), (more) => sharersAmong([...found, ...more]));
  });
}

function sharersAmong(found: readonly Sharing[]): string[] {
  return found.filter(({ isSharing }) => isSharing).map(({ userId }) => userId);
}
