import type { StoredMessage } from "../chat/ports.ts";

/**
 * Acknowledgements of one subscription as a watermark needs them: a message counts once all earlier
 * ones of its conversation have been acknowledged. One that the client refused (NACK) keeps those
 * behind it from counting, so that all of them come again at the next subscription.
 */
export class DeliveryWindow {
  /** Acknowledged before an earlier message was. */
  #early: StoredMessage[] = [];
  readonly #refusedSeq = new Map<string, number>();

  /**
   * @param messages acknowledged just now, in the order in which they were sent
   * @param outstanding what the subscription still waits for, oldest first
   * @returns the messages that count from now on, each conversation's in order
   */
  acknowledged(
    messages: readonly StoredMessage[],
    outstanding: Iterable<StoredMessage>,
  ): StoredMessage[] {
    if (messages.length === 0) return [];
    for (const message of messages) if (!this.#isBehindRefused(message)) this.#early.push(message);
    const firstOpen = new Map<string, number>(this.#refusedSeq);
    for (const { conversationId, seq } of outstanding) {
      const known = firstOpen.get(conversationId);
      if (known === undefined || seq < known) firstOpen.set(conversationId, seq);
    }
    const counts = ({ conversationId, seq }: StoredMessage) =>
      seq < (firstOpen.get(conversationId) ?? Number.POSITIVE_INFINITY);
    const counted = this.#early.filter(counts);
    this.#early = this.#early.filter((message) => !counts(message));
    return counted.sort((a, b) => a.seq - b.seq);
  }

  /** Never counts: it comes again, so nothing of it need be kept. */
  #isBehindRefused({ conversationId, seq }: StoredMessage): boolean {
    return seq >= (this.#refusedSeq.get(conversationId) ?? Number.POSITIVE_INFINITY);
  }

  refused(messages: readonly StoredMessage[]): void {
    for (const { conversationId, seq } of messages) {
      const known = this.#refusedSeq.get(conversationId);
      if (known === undefined || seq < known) this.#refusedSeq.set(conversationId, seq);
    }
  }
}
