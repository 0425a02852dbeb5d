/**
 * The nodes of the installation that keep their chats in the same store. What they are told arrives at most
 * once, in order for one user and for one key; not at all while they are not reached.
 */
export interface OtherNodes {
  /** Resolves when what others tell the user, who is connected here, arrives; null: it does. */
  heard(userId: string): Promise<void> | null;
  /** To those where the user is connected. */
  toUser(userId: string, notice: Uint8Array): void;
  /** To all. @param key what is told under one arrives in order */
  toAll(key: string, notice: Uint8Array): void;
}
