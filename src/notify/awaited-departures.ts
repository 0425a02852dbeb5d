import type { DueNotice } from "./ports.ts";

/** Users: of more of them, notices are found when their time has come. */
const MOST_KEPT = 10_000;

/** Notices that wait since their users are there: as soon as one goes, theirs are looked at. */
export class AwaitedDepartures {
  /** By user, by target and conversation. */
  readonly #dues = new Map<string, Map<string, DueNotice>>();

  put(due: DueNotice): void {
    const { userId } = due.target;
    const ofUser = this.#dues.get(userId);
    if (ofUser !== undefined) ofUser.set(nameOf(due), due);
    else if (this.#dues.size < MOST_KEPT) this.#dues.set(userId, new Map([[nameOf(due), due]]));
  }

  /** It is looked at. */
  remove(due: DueNotice): void {
    const { userId } = due.target;
    const ofUser = this.#dues.get(userId);
    if (ofUser === undefined) return;
    ofUser.delete(nameOf(due));
    if (ofUser.size === 0) this.#dues.delete(userId);
  }

  /** The user has gone; theirs are returned, and forgotten here. */
  take(userId: string): readonly DueNotice[] {
    const ofUser = this.#dues.get(userId);
    this.#dues.delete(userId);
    return ofUser === undefined ? [] : [...ofUser.values()];
  }

  clear(): void {
    this.#dues.clear();
  }
}

function nameOf({ target, conversationId }: DueNotice): string {
  return `${target.id} ${conversationId}`;
}
