/** Of so many messages at least, the latest ones, it is known. Each takes some 100 bytes. */
const KNOWN = 50_000;

/**
 * Of which messages people here were told DELIVERED. Devices of one user on two nodes receive a
 * message twice, and each node says so; what was missed is told again, and may not have been. It
 * comes once all the same.
 */
export class ToldDeliveries {
  #lately = new Set<string>();
  #before: ReadonlySet<string> = new Set();

  has(messageId: string): boolean {
    return this.#lately.has(messageId) || this.#before.has(messageId);
  }

  /** It is told now. False: it has been before. */
  add(messageId: string): boolean {
    if (this.has(messageId)) return false;
    if (this.#lately.size >= KNOWN) {
      this.#before = this.#lately;
      this.#lately = new Set();
    }
    this.#lately.add(messageId);
    return true;
  }
}
