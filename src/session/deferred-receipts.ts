/**
 * Receipts that the application sends later. DISCONNECT waits for them: its own says that all frames
 * before it have been processed [STOMP 1.2 §DISCONNECT].
 */
export class DeferredReceipts {
  /** Below 0 for a moment when one is settled before its handler has returned. */
  #outstanding = 0;
  #onSettled: (() => void) | null = null;

  deferred(): void {
    this.#outstanding += 1;
    this.#tell();
  }

  settled(): void {
    this.#outstanding -= 1;
    this.#tell();
  }

  /** A promise only while some are outstanding. */
  all(): Promise<void> | undefined {
    if (this.#outstanding === 0) return undefined;
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }

  #tell(): void {
    if (this.#outstanding === 0) this.#onSettled?.();
  }
}
