import type { Api } from "./api.ts";
import type { Event, State } from "./state.ts";
import type { ConversationSummary } from "./wire.ts";

const FIRST_PAGE = 50;
const LATER_PAGE = 200;

export interface ConversationListOptions {
  readonly api: Pick<Api, "conversations" | "conversation">;
  readonly state: () => State;
  readonly dispatch: (event: Event) => void;
}

/** Reads the server's list of the user's conversations, the archived ones too, as far as it is needed. */
export class ConversationList {
  readonly #options: ConversationListOptions;
  /** Where each list goes on; null: it is read to its end. */
  readonly #cursors = new Map<boolean, string | null>();
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: ConversationListOptions) {
    this.#options = options;
  }

  /** The first page of both, anew. What is not in them any more, the user has left. */
  async refresh(): Promise<ConversationSummary[]> {
    const before = Object.values(this.#options.state().conversations);
    const reading = Promise.all([false, true].map((isArchived) => this.#read(isArchived, null)));
    this.#reading = reading;
    const conversations = (await reading).flat();
    const isWhole = [...this.#cursors.values()].every((cursor) => cursor === null);
    const ids = new Set(conversations.map(({ id }) => id));
    for (const { id, isListed, isMember } of isWhole ? before : []) {
      if (!isListed || !isMember || ids.has(id)) continue;
      this.#options.dispatch({ kind: "conversation-left", conversationId: id });
    }
    return conversations;
  }

  /** The next page, if there is one. */
  async more(isArchived: boolean): Promise<void> {
    const cursor = this.#cursors.get(isArchived) ?? null;
    if (cursor !== null) await this.#read(isArchived, cursor);
  }

  /** One conversation, as the server has it now. */
  async reload(conversationId: string): Promise<void> {
    const { api, dispatch } = this.#options;
    const conversation = await api.conversation(conversationId);
    dispatch({ kind: "conversations-listed", conversations: [conversation] });
  }

  /** Reads on until the conversation is found, or there is no more. */
  async find(conversationId: string): Promise<void> {
    const isFound = () => this.#options.state().conversations[conversationId]?.isListed === true;
    await this.#reading;
    if (this.#cursors.size === 0) await this.refresh();
    for (const isArchived of [false, true]) {
      while (!isFound() && (this.#cursors.get(isArchived) ?? null) !== null) {
        await this.more(isArchived);
      }
    }
  }

  async #read(isArchived: boolean, cursor: string | null): Promise<readonly ConversationSummary[]> {
    const { api, dispatch } = this.#options;
    const limit = cursor === null ? FIRST_PAGE : LATER_PAGE;
    const { conversations, next } = await api.conversations(isArchived, cursor, limit);
    this.#cursors.set(isArchived, next);
    dispatch({ kind: "conversations-listed", conversations });
    dispatch({ kind: "list-read", isArchived, hasMore: next !== null });
    return conversations;
  }
}
