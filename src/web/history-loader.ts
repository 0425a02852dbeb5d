import type { Api, HistoryRange } from "./api.ts";
import {
  type Conversation,
  contiguousSeq,
  firstSeq,
  hasGap,
  hasOlder,
  isOnServer,
  isReachable,
} from "./conversation.ts";
import type { Event, State } from "./state.ts";
import { backOffMs, type Schedule } from "./timers.ts";
import type { WireMessage } from "./wire.ts";

const PAGE_MESSAGES = 50;
const LONG_PAGE_MESSAGES = 200;
const RETRY_OLDER_MS = 2_000;
/** A jump mostly means that one's own message is not confirmed yet. */
const FIRST_LOOK_MS = 200;

export interface HistoryLoaderOptions {
  readonly api: Pick<Api, "history">;
  /** Resolves when the list of conversations has been read as far as that one, or to its end. */
  readonly listed: (conversationId: string) => Promise<void>;
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
  readonly #opening = new Map<string, Promise<void>>();
  readonly #older = new Map<string, Promise<boolean>>();
  readonly #mending = new Set<string>();

  constructor(options: HistoryLoaderOptions) {
    this.#options = options;
  }

  /** The newest page, unless it is there already. Nothing is asked about what the server has not. */
  open(conversationId: string): Promise<void> {
    const conversation = this.#options.state().conversations[conversationId];
    if (conversation?.isLoaded !== false) return Promise.resolve();
    const running = this.#opening.get(conversationId);
    if (running !== undefined) return running;
    const opening = this.#open(conversation).finally(() => this.#opening.delete(conversationId));
    this.#opening.set(conversationId, opening);
    return opening;
  }

  /** The page before what is at hand. */
  async older(conversationId: string): Promise<void> {
    await this.#olderOnce(conversationId, PAGE_MESSAGES);
  }

  /** Goes back, page by page, until the message with that `seq` is at hand, or there is nothing older. */
  async reach(conversationId: string, seq: number): Promise<void> {
    const isAtHand = () => {
      const conversation = this.#options.state().conversations[conversationId];
      return conversation === undefined || (firstSeq(conversation) ?? seq) <= seq;
    };
    let mayGoOn = true;
    while (mayGoOn && !isAtHand()) {
      mayGoOn = await this.#olderOnce(conversationId, LONG_PAGE_MESSAGES);
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
      if (conversation === undefined || !isReachable(conversation)) return false;
      return state().link === "online" && hasGap(conversation);
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

  async #open(conversation: Conversation): Promise<void> {
    const { listed, dispatch, onPage, onFault } = this.#options;
    const { id: conversationId } = conversation;
    try {
      if (!isOnServer(conversation)) await listed(conversationId);
      const messages = await this.#newest(conversationId);
      dispatch({ kind: "page-arrived", conversationId, messages, page: "newest" });
      onPage(messages);
    } catch (fault) {
      onFault(fault);
      return;
    }
    this.mend(conversationId);
  }

  async #newest(conversationId: string): Promise<WireMessage[]> {
    const { api, state } = this.#options;
    const conversation = state().conversations[conversationId];
    if (conversation === undefined || !isReachable(conversation)) return [];
    return await api.history(conversationId, { limit: PAGE_MESSAGES });
  }

  /** One page at a time. false: there is nothing more to come, or it failed. */
  #olderOnce(conversationId: string, limit: number): Promise<boolean> {
    const running = this.#older.get(conversationId);
    if (running !== undefined) return running;
    const { state } = this.#options;
    const conversation = state().conversations[conversationId];
    if (!conversation?.isLoaded || conversation.isLoadingOlder || !hasOlder(conversation)) {
      return Promise.resolve(false);
    }
    const before = firstSeq(conversation) ?? 1;
    const loading = this.#readOlder(conversationId, { before, limit }).finally(() =>
      this.#older.delete(conversationId),
    );
    this.#older.set(conversationId, loading);
    return loading;
  }

  async #readOlder(conversationId: string, range: HistoryRange): Promise<boolean> {
    const { api, dispatch, schedule, onPage, onFault } = this.#options;
    dispatch({ kind: "older-requested", conversationId });
    try {
      const messages = await api.history(conversationId, range);
      dispatch({ kind: "page-arrived", conversationId, messages, page: "older" });
      onPage(messages);
      return messages.length > 0;
    } catch (fault) {
      onFault(fault);
      schedule(RETRY_OLDER_MS, () => dispatch({ kind: "older-failed", conversationId }));
      return false;
    }
  }

  async #fillOnce(conversationId: string): Promise<void> {
    const { api, state, dispatch, onPage } = this.#options;
    const conversation = state().conversations[conversationId];
    if (conversation === undefined || !isReachable(conversation)) return;
    // What was shown last may have been lost in a crash of the server: it is read again as well.
    const endSeq = contiguousSeq(conversation);
    let after = Math.max(conversation.durableSeq, endSeq - LONG_PAGE_MESSAGES, 0);
    after = Math.min(after, endSeq);
    for (;;) {
      const messages = await api.history(conversationId, { after, limit: LONG_PAGE_MESSAGES });
      dispatch({ kind: "page-arrived", conversationId, messages, page: { afterSeq: after } });
      onPage(messages);
      after = messages.at(-1)?.seq ?? after;
      if (messages.length < LONG_PAGE_MESSAGES) return;
    }
  }
}
