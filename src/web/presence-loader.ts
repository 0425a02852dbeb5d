import type { Api } from "./api.ts";
import type { Event } from "./state.ts";
import type { Schedule } from "./timers.ts";

/** The longest list of people that is asked for; a shorter answer is everybody. */
const PAGE_USERS = 100;
/** Questions about single people are gathered for so long. */
const GATHER_MS = 200;

export interface PresenceLoaderOptions {
  readonly api: Pick<Api, "online" | "presenceOf">;
  readonly dispatch: (event: Event) => void;
  readonly schedule: Schedule;
  readonly now: () => number;
  readonly onFault: (fault: unknown) => void;
}

/** Asks who is there, and for the names and times of those who are not. */
export class PresenceLoader {
  readonly #options: PresenceLoaderOptions;
  readonly #asked = new Set<string>();

  constructor(options: PresenceLoaderOptions) {
    this.#options = options;
  }

  async everybodyOnline(): Promise<void> {
    const { api, dispatch, now } = this.#options;
    const askedAtMs = now();
    const users = await api.online();
    const isEverybodyOnline = users.length < PAGE_USERS;
    dispatch({ kind: "presence-listed", users, askedAtMs, isEverybodyOnline });
  }

  /** Soon, and together with others. */
  ask(userIds: readonly string[]): void {
    const { schedule, onFault } = this.#options;
    // The query is a list with commas; an id that has one cannot be asked for.
    const askable = userIds.filter((userId) => !userId.includes(","));
    if (askable.length === 0) return;
    if (this.#asked.size === 0) schedule(GATHER_MS, () => this.#send().catch(onFault));
    for (const userId of askable) this.#asked.add(userId);
  }

  async #send(): Promise<void> {
    const { api, dispatch, now } = this.#options;
    const userIds = [...this.#asked];
    this.#asked.clear();
    for (let start = 0; start < userIds.length; start += PAGE_USERS) {
      const askedAtMs = now();
      const users = await api.presenceOf(userIds.slice(start, start + PAGE_USERS));
      dispatch({ kind: "presence-listed", users, askedAtMs, isEverybodyOnline: false });
    }
  }
}
