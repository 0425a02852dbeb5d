/** Who does something in chat: a user, or `SYSTEM`. */
export interface Actor {
  readonly userId: string;
  readonly name: string;
}

/**
 * The app's back end, and the server by itself: it may do everything everywhere. No user's id has a
 * slash, so none is taken for it.
 */
export const SYSTEM: Actor = { userId: "/system", name: "System" };
