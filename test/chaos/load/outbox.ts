/** A message of one's own that the server has not confirmed. */
export interface Unconfirmed {
  readonly conversationId: string;
  readonly clientMessageId: string;
  readonly content: string;
  readonly digest: string;
}

/** What a device must send again until it is confirmed, in the order of its writing. */
export class Outbox {
  readonly #messages = new Map<string, Unconfirmed>();

  get size(): number {
    return this.#messages.size;
  }

  add(message: Unconfirmed): void {
    this.#messages.set(message.clientMessageId, message);
  }

  get(clientMessageId: string): Unconfirmed | undefined {
    return this.#messages.get(clientMessageId);
  }

  confirmed(clientMessageId: string): void {
    this.#messages.delete(clientMessageId);
  }

  all(): Unconfirmed[] {
    return [...this.#messages.values()];
  }
}
