import type { Api } from "./api.ts";
import { Gathered, PAGE_USERS } from "./gathered.ts";
import type { Event } from "./state.ts";
import type { Schedule } from "./timers.ts";

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
  readonly #asked: Gathered;

  constructor(options: PresenceLoaderOptions) {
    this.#options = options;
    this.#asked = new Gathered({ ...options, ask: (userIds) => this.#ask(userIds) });
  }

  async everybodyOnline(): Promise<void> {
    const { api, dispatch, now } = this.#options;
    const askedAtMs = now();
    const users = await api.online();
    // A shorter list is everybody.
    const isEverybodyOnline = users.length < PAGE_USERS;
    dispatch({ kind: "presence-listed", users, askedAtMs, isEverybodyOnline });
  }

  /** Soon, and together with others. */
  ask(userIds: readonly string[]): void {
    this.#asked.add(userIds);
  }

  async #ask(userIds: readonly string[]): Promise<void> {
    const { api, dispatch, now } = this.#options;
    const askedAtMs = now();
    const users = await api.presenceOf(userIds);
    dispatch({ kind: "presence-listed", users, askedAtMs, isEverybodyOnline: false });
  }
}
