import type { CommitConflict } from "./chat-writes.ts";
import type { Conversation } from "./conversation.ts";
import type { OpenBatch, PendingChange, PendingMessage } from "./open-batch.ts";
import { Overtaken } from "./overtaken.ts";
import type { SentMessage } from "./stored-chats.ts";

/** What the conflicts of a batch mean for what was to be committed with it, and behind it. */
export class RefusedMessages {
  /** Those that lose what is uncommitted of them. */
  readonly conversations = new Set<Conversation>();
  /** Of repeats, the first ones. */
  readonly firsts = new Map<PendingMessage, SentMessage>();
  readonly #conflicts: { readonly pending: PendingMessage; readonly first: SentMessage | null }[];

  constructor(batch: OpenBatch, { conflicts }: CommitConflict) {
    this.#conflicts = conflicts.flatMap(({ index, first }) => {
      const pending = batch.messages[index];
      return pending === undefined ? [] : [{ pending, first }];
    });
    for (const { pending, first } of this.#conflicts) {
      this.conversations.add(pending.conversation);
      if (first !== null) this.firsts.set(pending, first);
    }
  }

  /** Takes away the conversations of which nobody has been shown anything: they lose nothing, and wait. */
  takeOvertaken(lost: readonly OpenBatch[]): Overtaken[] {
    const shown = new Set<Conversation>();
    for (const { messages } of lost) {
      for (const { isShown, conversation } of messages) if (isShown) shown.add(conversation);
    }
    const waiting = new Map<Conversation, Overtaken>();
    for (const conversation of this.conversations) {
      if (!shown.has(conversation)) waiting.set(conversation, new Overtaken(conversation));
    }
    for (const conversation of waiting.keys()) this.conversations.delete(conversation);
    for (const { pending, first } of this.#conflicts) {
      waiting.get(pending.conversation)?.conflicts(pending, first);
    }
    return [...waiting.values()];
  }

  /** Changes that go with the messages, in their order. */
  changesOf(lost: readonly OpenBatch[]): Set<PendingChange> {
    // Nobody would be told of a change whose event goes with the conversation's messages.
    const untold = new Set<Conversation>();
    for (const { message, conversation } of lost.flatMap(({ messages }) => messages)) {
      if (message.event !== null) untold.add(conversation);
    }
    const isGone = ({ what: { conversation, change } }: PendingChange) =>
      this.conversations.has(conversation) &&
      (!conversation.persisted || untold.has(conversation) || change === "none");
    return new Set(lost.flatMap(({ changes }) => changes).filter(isGone));
  }
}
