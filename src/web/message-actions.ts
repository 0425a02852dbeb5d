import type { Api } from "./api.ts";
import { type Attempt, type Outcome, UNREACHABLE } from "./attempts.ts";
import { hasOlder } from "./conversation.ts";
import type { HistoryLoader } from "./history-loader.ts";
import type { Event, State } from "./state.ts";
import type { Version } from "./wire-groups.ts";

type MessageApi = Pick<
  Api,
  "editMessage" | "deleteMessage" | "react" | "pin" | "pins" | "versions" | "placeOf"
>;

export interface MessageActionsOptions {
  readonly api: MessageApi;
  readonly history: Pick<HistoryLoader, "open" | "reach">;
  readonly attempt: Attempt;
  readonly state: () => State;
  readonly dispatch: (event: Event) => void;
  readonly notify: (text: string) => void;
}

/**
 * What the user does to messages that were sent. What comes of it comes as an event, when it is on
 * disk; where the server refuses, the user is told.
 */
export class MessageActions {
  readonly #options: MessageActionsOptions;
  #jumps = 0;

  constructor(options: MessageActionsOptions) {
    this.#options = options;
  }

  readonly edit = (id: string, content: string, mentions: readonly string[]): void =>
    this.#try((api) => api.editMessage(id, content, mentions));

  delete(id: string): Promise<Outcome<void>> {
    const { attempt, api } = this.#options;
    return attempt(() => api.deleteMessage(id));
  }

  /** null takes the reaction back. */
  readonly react = (id: string, emoji: string | null): void =>
    this.#try((api) => api.react(id, emoji));

  readonly pin = (id: string, isPinned: boolean): void => this.#try((api) => api.pin(id, isPinned));

  versions(id: string): Promise<Outcome<Version[]>> {
    const { attempt, api } = this.#options;
    return attempt(() => api.versions(id));
  }

  /** Of a conversation that the server has. */
  async loadPins(conversationId: string): Promise<void> {
    const { api, dispatch } = this.#options;
    const pins = await api.pins(conversationId);
    dispatch({ kind: "pins-arrived", conversationId, pins });
  }

  /** Shows a message where it was said, however long ago. `seq` null: it is asked for. */
  readonly jumpTo = (conversationId: string, messageId: string, seq: number | null = null): void =>
    this.#try(async (api) => {
      const { history, state, dispatch, notify } = this.#options;
      const find = () =>
        state().conversations[conversationId]?.messages.find(
          ({ id, isGone }) => id === messageId && !isGone,
        );
      await history.open(conversationId);
      if (find() === undefined) {
        await history.reach(conversationId, seq ?? (await api.placeOf(messageId)).seq);
      }
      if (find() === undefined) {
        const conversation = state().conversations[conversationId];
        const isGone = conversation === undefined || !hasOlder(conversation);
        notify(isGone ? "That message is not there any more." : UNREACHABLE);
        return;
      }
      this.#jumps += 1;
      dispatch({ kind: "jumped", jump: { id: this.#jumps, conversationId, messageId } });
    });

  #try(call: (api: MessageApi) => Promise<void>): void {
    const { attempt, api, notify } = this.#options;
    attempt(() => call(api))
      .then((outcome) => {
        if (!outcome.isDone) notify(outcome.reason);
      })
      .catch(reportError);
  }
}
