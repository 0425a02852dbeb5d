import type { Api } from "./api.ts";
import { contiguousSeq, firstSeq, hasGap, hasOlder } from "./conversation.ts";
import type { Event, State } from "./state.ts";
import { backOffMs, type Schedule } from "./timers.ts";
import type { WireMessage } from "./wire.ts";

const PAGE_MESSAGES = 50;
const FILL_MESSAGES = 200;
const RETRY_OLDER_MS = 2_000;
/** A jump mostly means that one's own message is not confirmed yet. */
const FIRST_LOOK_MS = 200;

export interface HistoryLoaderOptions {
  readonly api: Pick<Api, "history">;
  readonly state: () => State;
  readonly dispatch: (event: Event) => void;
  readonly schedule: Schedule;
  /** Of each page, after the state has taken it. */
  readonly onPage: (messages: readonly WireMessage[]) => void;
  readonly onFault: (fault: unknown) => void;
}

/** Brings the past into the state: the newest page, older ones, and whatever a jump in `seq` left out. */
export class HistoryLoader {
  readonly #options: HistoryLoaderOptions;
  /** Conversations being filled; true: once more from the start. */
  readonly #filling = new Map<string, boolean>();
  readonly #opening = new Set<string>();
  readonly #mending = new Set<string>();

  constructor(options: HistoryLoaderOptions) {
    this.#options = options;
  }

  /** The newest page, unless it is there already. */
  async open(conversationId: string): Promise<void> {
    const { api, state, dispatch, onPage, onFault } = this.#options;
    const conversation = state().conversations[conversationId];
    if (conversation?.isLoaded !== false || this.#opening.has(conversationId)) return;
    this.#opening.add(conversationId);
    try {
      const messages = await api.history(conversationId, { limit: PAGE_MESSAGES });
      dispatch({ kind: "page-arrived", conversationId, messages, page: "newest" });
      onPage(messages);
    } catch (fault) {
      onFault(fault);
      return;
    } finally {
      this.#opening.delete(conversationId);
    }
    this.mend(conversationId);
  }

  async older(conversationId: string): Promise<void> {
    const { api, state, dispatch, schedule, onPage, onFault } = this.#options;
    const conversation = state().conversations[conversationId];
    if (!conversation?.isLoaded || conversation.isLoadingOlder || !hasOlder(conversation)) return;
    const before = firstSeq(conversation) ?? 1;
    dispatch({ kind: "older-requested", conversationId });
    try {
      const messages = await api.history(conversationId, { before, limit: PAGE_MESSAGES });
      dispatch({ kind: "page-arrived", conversationId, messages, page: "older" });
      onPage(messages);
    } catch (fault) {
      onFault(fault);
      schedule(RETRY_OLDER_MS, () => dispatch({ kind: "older-failed", conversationId }));
    }
  }

  /** What came after the last that is at hand, to the end; afterwards there is no gap. */
  async fill(conversationId: string): Promise<void> {
    if (this.#filling.has(conversationId)) {
      this.#filling.set(conversationId, true);
      return;
    }
    try {
      do {
        this.#filling.set(conversationId, false);
        await this.#fillOnce(conversationId);
      } while (this.#filling.get(conversationId) === true);
    } catch (fault) {
      this.#options.onFault(fault);
    } finally {
      this.#filling.delete(conversationId);
    }
  }

  /**
   * A jump in `seq` was seen. What is missing may be on its way, or not on disk yet and so not in
   * the history either: it is waited for, filled, and looked at again until the gap is closed.
   */
  mend(conversationId: string, attempt = 0): void {
    const { state, schedule, onFault } = this.#options;
    const isBroken = () => {
      const conversation = state().conversations[conversationId];
      return state().link === "online" && conversation !== undefined && hasGap(conversation);
    };
    if (!isBroken() || this.#mending.has(conversationId)) return;
    this.#mending.add(conversationId);
    schedule(attempt === 0 ? FIRST_LOOK_MS : backOffMs(attempt), () => {
      const filled = isBroken() ? this.fill(conversationId) : Promise.resolve();
      filled
        .then(() => {
          this.#mending.delete(conversationId);
          this.mend(conversationId, attempt + 1);
        })
        .catch(onFault);
    });
  }

  async #fillOnce(conversationId: string): Promise<void> {
    const { api, state, dispatch, onPage } = this.#options;
    const conversation = state().conversations[conversationId];
    if (conversation === undefined) return;
    // What was shown last may have been lost in a crash of the server: it is read again as well.
    const endSeq = contiguousSeq(conversation);
    let after = Math.max(conversation.durableSeq, endSeq - FILL_MESSAGES, 0);
    after = Math.min(after, endSeq);
    for (;;) {
      const messages = await api.history(conversationId, { after, limit: FILL_MESSAGES });
      dispatch({ kind: "page-arrived", conversationId, messages, page: { afterSeq: after } });
      onPage(messages);
      after = messages.at(-1)?.seq ?? after;
      if (messages.length < FILL_MESSAGES) return;
    }
  }
}
