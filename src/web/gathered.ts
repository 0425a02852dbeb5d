import type { Schedule } from "./timers.ts";

/** Questions about single users are gathered for so long. */
const GATHER_MS = 200;
/** The longest list that is asked about at once. */
export const PAGE_USERS = 100;

export interface GatheredOptions {
  readonly schedule: Schedule;
  /** About at most PAGE_USERS of them. */
  readonly ask: (userIds: readonly string[]) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
}

/** Questions about users, soon and many together. */
export class Gathered {
  readonly #options: GatheredOptions;
  readonly #userIds = new Set<string>();

  constructor(options: GatheredOptions) {
    this.#options = options;
  }

  add(userIds: readonly string[]): void {
    const { schedule, onFault } = this.#options;
    // The query is a list with commas; an id that has one cannot be asked for.
    const askable = userIds.filter((userId) => !userId.includes(","));
    if (askable.length === 0) return;
    if (this.#userIds.size === 0) schedule(GATHER_MS, () => this.#send().catch(onFault));
    for (const userId of askable) this.#userIds.add(userId);
  }

  async #send(): Promise<void> {
    const userIds = [...this.#userIds];
    this.#userIds.clear();
    for (let start = 0; start < userIds.length; start += PAGE_USERS) {
      await this.#options.ask(userIds.slice(start, start + PAGE_USERS));
    }
  }
}
