import type { Event } from "./state.ts";
import type { Schedule } from "./timers.ts";

const NOTICE_MS = 6_000;

/** What is said to the user for a while. */
export class Notices {
  readonly #dispatch: (event: Event) => void;
  readonly #schedule: Schedule;
  #shown = 0;

  constructor(dispatch: (event: Event) => void, schedule: Schedule) {
    this.#dispatch = dispatch;
    this.#schedule = schedule;
  }

  readonly show = (text: string): void => {
    this.#shown += 1;
    const id = this.#shown;
    this.#dispatch({ kind: "notice-shown", notice: { id, text } });
    this.#schedule(NOTICE_MS, () => this.dismiss(id));
  };

  readonly dismiss = (id: number): void => this.#dispatch({ kind: "notice-dismissed", id });
}
