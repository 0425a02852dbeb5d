import type { Api } from "./api.ts";
import type { Attempt } from "./attempts.ts";
import type { MessageActions } from "./message-actions.ts";
import { MessageSearch } from "./message-search.ts";
import type { State } from "./state.ts";
import type { Schedule } from "./timers.ts";
import type { WireMessage } from "./wire.ts";

export interface FindingOptions {
  readonly api: Pick<Api, "search">;
  readonly attempt: Attempt;
  readonly schedule: Schedule;
  readonly now: () => number;
  readonly state: () => State;
  readonly notify: (text: string) => void;
  readonly onFault: (fault: unknown) => void;
  /** Reads a conversation of the list. */
  readonly reload: (conversationId: string) => Promise<void>;
  readonly messages: Pick<MessageActions, "jumpTo">;
  readonly open: (conversationId: string) => void;
}

/** Messages by their words, and the way to where they were said. */
export class Finding {
  readonly #options: FindingOptions;

  constructor(options: FindingOptions) {
    this.#options = options;
  }

  /** `conversationId` null: in all conversations. */
  newSearch(conversationId: string | null): MessageSearch {
    const { onFault } = this.#options;
    return new MessageSearch({
      ...this.#options,
      conversationId,
      onFound: (found) => {
        this.#know(found.map(({ message }) => message.conversationId)).catch(onFault);
      },
    });
  }

  /** `onOpen`: the conversation, which need not have been at hand, is about to be shown. */
  show({ conversationId, id, seq }: WireMessage, onOpen: (conversationId: string) => void): void {
    const { attempt, state, notify, open, messages } = this.#options;
    attempt(async () => {
      await this.#know([conversationId]);
      onOpen(conversationId);
      if (state().openId !== conversationId) open(conversationId);
      messages.jumpTo(conversationId, id, seq);
    })
      .then((outcome) => {
        if (!outcome.isDone) notify(outcome.reason);
      })
      .catch(reportError);
  }

  /** The list of conversations need not have come so far. */
  async #know(conversationIds: readonly string[]): Promise<void> {
    const { state, reload } = this.#options;
    for (const id of new Set(conversationIds)) {
      if (state().conversations[id] === undefined) await reload(id);
    }
  }
}
