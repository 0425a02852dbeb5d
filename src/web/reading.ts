import { messageToReport } from "./conversation.ts";
import { ReadMarks } from "./read-marks.ts";
import type { Event, State } from "./state.ts";

export interface ReadingOptions {
  readonly userId: string;
  readonly state: () => State;
  readonly dispatch: (event: Event) => void;
  /** Somebody looks at the page. */
  readonly isVisible: () => boolean;
  readonly report: (messageId: string) => void;
}

/** Reports the open conversation as read, as far as it is before the user's eyes. */
export class Reading {
  readonly #options: ReadingOptions;
  readonly #marks: ReadMarks;
  #isDue = false;

  constructor(options: ReadingOptions) {
    this.#options = options;
    this.#marks = new ReadMarks(options.userId, options.dispatch);
  }

  /** After what is under way: a message is acknowledged before it is reported read. */
  readonly look = (): void => {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#report();
    });
  };

  close(): void {
    this.#marks.close();
  }

  #report(): void {
    const { userId, state, dispatch, isVisible, report } = this.#options;
    const { openId, conversations, link } = state();
    const conversation = openId === null ? undefined : conversations[openId];
    if (!conversation?.isLoaded || !conversation.isMember) return;
    if (!isVisible() || link !== "online") return;
    const message = messageToReport(conversation, userId);
    if (message === null || message.id === null || message.seq === null) return;
    report(message.id);
    const { id: conversationId } = conversation;
    dispatch({ kind: "read-reported", conversationId, seq: message.seq });
    this.#marks.tell(conversationId, message.seq);
  }
}
