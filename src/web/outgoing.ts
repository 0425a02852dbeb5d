import { inWords } from "./attempts.ts";
import type { Draft } from "./conversation.ts";
import type { Outbox } from "./outbox.ts";
import { Sender } from "./sender.ts";
import type { Event } from "./state.ts";
import type { Schedule } from "./timers.ts";
import type { Problem, WireMessage } from "./wire.ts";

/** Below the server's limit for a frame, headers and all. */
const LONGEST_BODY_BYTES = 120 * 1024;

const TRY_LATER = new Set(["STORAGE_UNAVAILABLE", "RATE_LIMITED", "SHUTTING_DOWN"]);
/** The frame under way is at fault, and would be again. */
const BAD_FRAME = new Set(["FRAME_TOO_LARGE", "HEADER_LIMIT_EXCEEDED", "MALFORMED_FRAME"]);

export interface OutgoingOptions {
  readonly userId: string;
  readonly outbox: Outbox;
  readonly publish: (draft: Draft) => void;
  readonly dispatch: (event: Event) => void;
  readonly notify: (text: string) => void;
  readonly schedule: Schedule;
  readonly now: () => number;
  readonly newId: () => string;
}

/** One's own messages from the writing to the confirmation. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #sender: Sender;
  /** Refused for good; may be tried again by hand. */
  readonly #failed = new Map<string, Draft>();
  #lastComposedMs = 0;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#sender = new Sender(options.publish, options.schedule);
  }

  /** false: it cannot be sent, and the user has been told why. */
  compose(written: Omit<Draft, "clientMessageId" | "composedAtMs">): boolean {
    const { outbox, notify, dispatch, now, newId } = this.#options;
    if (new TextEncoder().encode(JSON.stringify(written.content)).length > LONGEST_BODY_BYTES) {
      notify("This message is too long to be sent in one piece.");
      return false;
    }
    // Never twice the same time: it is the order of the outbox.
    this.#lastComposedMs = Math.max(now(), this.#lastComposedMs + 1);
    const composedAtMs = this.#lastComposedMs;
    const draft = { ...written, clientMessageId: newId(), composedAtMs };
    if (!outbox.add(draft)) {
      notify("The browser's storage is full: keep this page open until all is sent.");
    }
    dispatch({ kind: "message-composed", draft });
    this.#sender.add(draft);
    return true;
  }

  /** What this tab left behind before a reload, or another tab of the user when it was closed. */
  resume(): void {
    for (const draft of this.#options.outbox.drafts()) {
      if (this.#failed.has(draft.clientMessageId)) continue;
      this.#options.dispatch({ kind: "message-composed", draft });
      this.#sender.add(draft);
    }
  }

  online(): void {
    this.resume();
    this.#sender.online();
  }

  offline(): void {
    this.#sender.offline();
  }

  /** The server has it on disk. */
  confirmed(clientMessageId: string): void {
    this.#failed.delete(clientMessageId);
    this.#options.outbox.remove(clientMessageId);
    this.#sender.done(clientMessageId);
  }

  /** What the history shows is on disk, whether or not its SENT arrived. */
  stored(messages: readonly WireMessage[]): void {
    for (const { senderId, clientMessageId } of messages) {
      if (senderId === this.#options.userId && clientMessageId !== null) {
        this.confirmed(clientMessageId);
      }
    }
  }

  /** An error that names one of the messages. */
  refused({ code, message }: Problem, clientMessageId: string): void {
    const draft = this.#sender.find(clientMessageId);
    if (draft === null) return;
    if (!TRY_LATER.has(code)) {
      this.#giveUp(draft, inWords(code, message));
      return;
    }
    this.#sender.tryLater(clientMessageId);
    this.#options.notify("The server is busy. Your message will be sent again.");
  }

  /** An ERROR frame ended the connection. */
  connectionFailed(code: string, message: string): void {
    if (!BAD_FRAME.has(code)) return;
    for (const draft of this.#sender.unanswered()) this.#giveUp(draft, message);
  }

  retry(clientMessageId: string): void {
    const draft = this.#failed.get(clientMessageId);
    if (draft === undefined) return;
    this.#failed.delete(clientMessageId);
    this.#options.dispatch({ kind: "message-retried", draft });
    this.#sender.add(draft);
  }

  discard(clientMessageId: string): void {
    const draft = this.#failed.get(clientMessageId);
    if (draft === undefined) return;
    this.#failed.delete(clientMessageId);
    this.#options.outbox.remove(clientMessageId);
    this.#options.dispatch({ kind: "message-discarded", draft });
  }

  #giveUp(draft: Draft, failure: string): void {
    this.#failed.set(draft.clientMessageId, draft);
    this.#options.dispatch({ kind: "message-failed", draft, failure });
    this.#sender.done(draft.clientMessageId);
  }
}
