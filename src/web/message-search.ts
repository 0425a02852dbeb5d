import type { Api } from "./api.ts";
import type { Attempt } from "./attempts.ts";
import { NextDue } from "./next-due.ts";
import type { Schedule } from "./timers.ts";
import type { Found } from "./wire-search.ts";

/** Nothing is asked while the user types on. */
const PAUSE_MS = 300;
/** The server looks at a part of the messages each time: so often it is asked for one more result. */
const MOST_PAGES = 8;

export interface SearchState {
  /** What is looked for; empty: nothing. */
  readonly text: string;
  readonly found: readonly Found[];
  readonly isSearching: boolean;
  /** Older messages have not been looked at. */
  readonly hasMore: boolean;
  /** Why the server has not answered. */
  readonly fault: string | null;
}

const NOTHING: SearchState = {
  ...{ text: "", found: [], isSearching: false, hasMore: false, fault: null },
};

export interface MessageSearchOptions {
  readonly api: Pick<Api, "search">;
  readonly attempt: Attempt;
  readonly schedule: Schedule;
  readonly now: () => number;
  /** null: in all conversations. */
  readonly conversationId: string | null;
  /** They are shown now. */
  readonly onFound: (found: readonly Found[]) => void;
}

/** Looks for messages by their words, while these are being typed. */
export class MessageSearch {
  readonly #options: MessageSearchOptions;
  readonly #listeners = new Set<() => void>();
  readonly #disappearing: NextDue;
  #state = NOTHING;
  /** Where the search goes on; null: it begins. */
  #cursor: string | null = null;
  #cancelPause: (() => void) | null = null;
  /** Changes with the text: answers to what was asked before are not listened to. */
  #turn = 0;
  /** The turn whose answer is awaited. */
  #awaited: number | null = null;

  constructor(options: MessageSearchOptions) {
    this.#options = options;
    this.#disappearing = new NextDue({
      ...options,
      next: () => {
        const times = this.#state.found.flatMap(({ message }) => message.expiresMs ?? []);
        return times.length === 0 ? null : Math.min(...times);
      },
      run: (nowMs) =>
        this.#set({
          found: this.#state.found.filter(
            ({ message: { expiresMs } }) => expiresMs === null || expiresMs > nowMs,
          ),
        }),
    });
  }

  readonly state = (): SearchState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What is typed now; it is looked for when the typing pauses. */
  readonly type = (text: string): void => {
    this.#begin(text);
    if (text.trim() === "") return;
    this.#cancelPause = this.#options.schedule(PAUSE_MS, this.more);
  };

  readonly clear = (): void => this.#begin("");

  /** The next results; the first ones without waiting for a pause. */
  readonly more = (): void => {
    this.#cancelPause?.();
    const turn = this.#turn;
    if (this.#state.text.trim() === "" || this.#awaited === turn) return;
    this.#awaited = turn;
    this.#read(turn)
      .catch(reportError)
      .finally(() => {
        if (this.#awaited === turn) this.#awaited = null;
      });
  };

  #begin(text: string): void {
    this.#cancelPause?.();
    this.#turn += 1;
    this.#cursor = null;
    this.#set({ ...NOTHING, text, isSearching: text.trim() !== "" });
  }

  /** Pages until there is something new, or the messages end. */
  async #read(turn: number): Promise<void> {
    const { api, attempt, conversationId, onFound } = this.#options;
    const { text } = this.#state;
    this.#set({ isSearching: true, fault: null });
    for (let pages = 1; pages <= MOST_PAGES; pages += 1) {
      const outcome = await attempt(() => api.search(text, conversationId, this.#cursor));
      if (turn !== this.#turn) return;
      if (!outcome.isDone) {
        this.#set({ isSearching: false, hasMore: true, fault: outcome.reason });
        return;
      }
      const { found, next } = outcome.answer;
      this.#cursor = next;
      const isLast = found.length > 0 || next === null || pages === MOST_PAGES;
      if (!isLast) continue;
      onFound(found);
      this.#set({
        found: [...this.#state.found, ...found],
        isSearching: false,
        hasMore: next !== null,
      });
      return;
    }
  }

  #set(change: Partial<SearchState>): void {
    this.#state = { ...this.#state, ...change };
    this.#disappearing.look();
    for (const listener of this.#listeners) listener();
  }
}
