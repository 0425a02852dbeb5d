import type { Revocation, RevocationStore } from "../auth/revocations.ts";
import { unavailable } from "./sqlite-errors.ts";

export class MemoryRevocationStore implements RevocationStore {
  readonly #kept = new Map<string, Revocation>();
  #isClosed = false;

  async add(revocation: Revocation): Promise<void> {
    if (this.#isClosed) throw unavailable("the store is closed");
    for (const [key, { forgetMs }] of this.#kept) {
      if (forgetMs !== null && forgetMs <= revocation.revokedMs) this.#kept.delete(key);
    }
    this.#kept.set(`${revocation.kind} ${revocation.subject}`, revocation);
  }

  all(): Revocation[] {
    if (this.#isClosed) throw unavailable("the store is closed");
    return [...this.#kept.values()];
  }

  close(): void {
    this.#isClosed = true;
  }
}
