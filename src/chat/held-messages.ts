import type { StoredMessage } from "./stored-chats.ts";

/** Past either, held messages are let go of, and read from the store when their time comes. */
const MOST_MESSAGES = 1_000;
const MOST_CONTENT = 128 * 1024;

/**
 * Live messages of a device that catches up: they wait until it has everything before them. Bounded:
 * of more than that, it is only known where in each conversation they begin.
 */
export class HeldMessages {
  readonly #userId: string;
  #messages: StoredMessage[] = [];
  /** Characters. */
  #content = 0;
  /** Ids of what the user sent from other devices meanwhile; these few are kept in any case. */
  readonly #own = new Set<string>();
  #overflow: Map<string, number> | null = null;
  /** By conversation, see `holdAfter`. */
  #notUpto: ReadonlyMap<string, number> = new Map();

  constructor(userId: string) {
    this.#userId = userId;
  }

  readonly add = (message: StoredMessage): void => {
    if (message.senderId === this.#userId) this.#own.add(message.id);
    if (message.seq <= (this.#notUpto.get(message.conversationId) ?? 0)) return;
    if (this.#overflow !== null) {
      note(this.#overflow, message);
      return;
    }
    this.#messages.push(message);
    this.#content += contentOf(message);
    if (this.#messages.length <= MOST_MESSAGES && this.#content <= MOST_CONTENT) return;
    this.#overflow = new Map();
    for (const held of this.take()) note(this.#overflow, held);
  };

  /** The user sent it from another device while messages were held: it belongs on this one too. */
  hasOwn(messageId: string): boolean {
    return this.#own.has(messageId);
  }

  /** In the order of their coming; forgets them. */
  take(): StoredMessage[] {
    this.#content = 0;
    return this.#messages.splice(0);
  }

  /** By conversation, the lowest `seq` of what came and is for the device. */
  beginnings(): Map<string, number> {
    const beginnings = new Map(this.#overflow ?? []);
    for (const message of this.#messages) note(beginnings, message);
    return beginnings;
  }

  /** Of these conversations, what came up to that `seq` and still comes is not held. */
  holdAfter(seqs: ReadonlyMap<string, number>): void {
    this.#notUpto = seqs;
    for (const message of this.take()) this.add(message);
    for (const [conversationId, seq] of this.#overflow ?? []) {
      const afterSeq = seqs.get(conversationId) ?? 0;
      this.#overflow?.set(conversationId, Math.max(seq, afterSeq + 1));
    }
  }

  /**
   * null if all that came is held; else, by conversation, the lowest `seq` of what came and was let
   * go of. Holds anew from here.
   */
  takeOverflow(): Map<string, number> | null {
    const overflow = this.#overflow;
    this.#overflow = null;
    return overflow;
  }
}

/** What the message takes of memory, in characters, that may be much. */
export function contentOf({ content, edited, attachments, mentions }: StoredMessage): number {
  return (
    content.length + (edited?.length ?? 0) + (attachments?.length ?? 0) + (mentions?.length ?? 0)
  );
}

function note(overflow: Map<string, number>, { conversationId, seq }: StoredMessage): void {
  overflow.set(conversationId, Math.min(seq, overflow.get(conversationId) ?? seq));
}
