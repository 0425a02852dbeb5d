import { type Event, initialState, reduce, type State } from "./state.ts";

/** Holds the state. An event is taken in when `dispatch` returns, so that it may be acknowledged. */
export class Store {
  #state: State;
  readonly #listeners = new Set<() => void>();

  constructor(userId: string) {
    this.#state = initialState(userId);
  }

  readonly state = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly dispatch = (event: Event): void => {
    const next = reduce(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    for (const listener of this.#listeners) listener();
  };
}
