/** Hears how many copies of a message went to connections: each is one for one subscription. */
export interface CopyCounter {
  /** @param key what they were published under, see `userQueue` */
  sent(key: string, copies: number): void;
}

export const UNCOUNTED: CopyCounter = { sent() {} };
