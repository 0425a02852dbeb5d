import type { Api, UserProfileChange } from "./api.ts";
import type { Attempt, Outcome } from "./attempts.ts";
import { Gathered } from "./gathered.ts";
import type { Event } from "./state.ts";
import type { Schedule } from "./timers.ts";

export interface ProfileLoaderOptions {
  readonly userId: string;
  readonly api: Pick<Api, "profiles" | "changeUser">;
  readonly attempt: Attempt;
  readonly dispatch: (event: Event) => void;
  readonly schedule: Schedule;
  readonly now: () => number;
  readonly onFault: (fault: unknown) => void;
}

/** Asks how users show themselves, and changes how the user does. What changes later comes as an event. */
export class ProfileLoader {
  readonly #options: ProfileLoaderOptions;
  readonly #asked: Gathered;
  /** What changes of these is told. */
  readonly #known = new Set<string>();

  constructor(options: ProfileLoaderOptions) {
    this.#options = options;
    this.#asked = new Gathered({ ...options, ask: (userIds) => this.#ask(userIds) });
  }

  /** Soon, and together with others. Of whom the user may not see nothing comes. */
  ask(userIds: readonly string[]): void {
    const unknown = userIds.filter((userId) => !this.#known.has(userId));
    for (const userId of unknown) this.#known.add(userId);
    this.#asked.add(unknown);
  }

  /** Who was away was told nothing: all are asked about anew. */
  renew(): void {
    const known = [...this.#known];
    this.#known.clear();
    this.ask(known);
  }

  change(change: UserProfileChange): Promise<Outcome<void>> {
    const { attempt, api, userId, dispatch, now } = this.#options;
    return attempt(async () => {
      const profile = await api.changeUser(userId, change);
      dispatch({ kind: "profiles-told", profiles: [profile], atMs: now() });
    });
  }

  async #ask(userIds: readonly string[]): Promise<void> {
    const { api, dispatch, now } = this.#options;
    const atMs = now();
    dispatch({ kind: "profiles-told", profiles: await api.profiles(userIds), atMs });
  }
}
