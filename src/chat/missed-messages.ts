import { contentOf } from "./held-messages.ts";
import type { ChatStore } from "./ports.ts";
import type { BacklogHead, ConversationHead, StoredMessage } from "./stored-chats.ts";

/** Of all conversations together, so many messages are kept that have been read and wait. */
const MOST_READ_AHEAD = 64;
/** And no more of what they say, in characters; but for one message. */
const MOST_CONTENT = 128 * 1_024;

/** One conversation from which messages are missing. */
class Lane {
  /** The next message; null once there is none. */
  next: { readonly id: string; readonly seq: number } | null = null;
  /** Begins with the next message, unless it is empty: then that has to be read again. */
  page: StoredMessage[] = [];
  /** How many are read at once: more and more, as long as there is room for them. */
  limit = 1;

  constructor(
    readonly conversationId: string,
    /** Read up to here. */
    public afterSeq: number,
  ) {}
}

/**
 * What is missing from several conversations, as one list in the order of the ids. What it keeps in
 * memory is bounded, however many conversations there are: of most only the next id.
 */
export class MissedMessages {
  readonly #store: ChatStore;
  /** Missing up to here. */
  readonly #uptoId: string;
  /** A heap: the lane with the lowest next id at the root. */
  readonly #lanes: Lane[] = [];
  /** Of all pages. */
  #content = 0;

  constructor(store: ChatStore, uptoId: string) {
    this.#store = store;
    this.#uptoId = uptoId;
  }

  /** Of each conversation, so many are read at once. */
  get #limit(): number {
    return Math.max(1, Math.floor(MOST_READ_AHEAD / Math.max(1, this.#lanes.length)));
  }

  get #mayKeepPages(): boolean {
    return this.#lanes.length <= MOST_READ_AHEAD && this.#content <= MOST_CONTENT;
  }

  /** What has been read and not taken, in characters. */
  get heldBytes(): number {
    return this.#content;
  }

  /** It takes time until the next `take`: what was read may have been changed by then. */
  letGo(): void {
    for (const lane of this.#lanes) lane.page = [];
    this.#content = 0;
  }

  /** From the conversation everything above that `seq` is missing. Before the first `take`. */
  async add(conversationId: string, afterSeq: number): Promise<void> {
    const lane = new Lane(conversationId, afterSeq);
    await this.#advance(lane);
    if (lane.next === null) return;
    this.#lanes.push(lane);
    this.#rise(this.#lanes.length - 1);
  }

  /** The next one; null when nothing is missing any more. One that was removed meanwhile is left out. */
  async take(): Promise<StoredMessage | null> {
    for (let lane = this.#lanes[0]; lane !== undefined; lane = this.#lanes[0]) {
      if (lane.page.length === 0) await this.#read(lane);
      const message = lane.page[0];
      if (message === undefined || message.id !== lane.next?.id) {
        await this.#settle(lane); // It is not the one that was expected: what is next now?
        continue;
      }
      lane.page.shift();
      this.#content -= contentOf(message);
      lane.afterSeq = message.seq;
      await this.#settle(lane);
      return message;
    }
    return null;
  }

  /** The root's next message is another one now. */
  async #settle(lane: Lane): Promise<void> {
    await this.#advance(lane);
    if (lane.next === null) {
      const last = this.#lanes.pop();
      if (last === undefined || last === lane) return;
      this.#lanes[0] = last;
    }
    this.#sink();
  }

  async #advance(lane: Lane): Promise<void> {
    if (lane.page.length === 0) await this.#read(lane);
    const [message] = lane.page;
    const isMissing = message !== undefined && message.id <= this.#uptoId;
    lane.next = isMissing ? { id: message.id, seq: message.seq } : null;
    if (isMissing && this.#mayKeepPages) return;
    for (const read of lane.page) this.#content -= contentOf(read);
    lane.page = [];
  }

  async #read(lane: Lane): Promise<void> {
    const { conversationId, afterSeq } = lane;
    const limit = Math.min(lane.limit, this.#limit);
    const page = await this.#store.history({ conversationId, afterSeq, limit });
    let count = 0;
    for (const message of page) {
      const content = contentOf(message);
      if (count > 0 && this.#content + content > MOST_CONTENT) break;
      this.#content += content;
      count += 1;
    }
    lane.page = page.slice(0, count);
    lane.limit = count < page.length ? count : Math.min(2 * limit, this.#limit);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfLower(at, above)) return;
      at = above;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const lower = this.#idAt(right) < this.#idAt(left) ? right : left;
      if (!this.#swapIfLower(lower, at)) return;
      at = lower;
    }
  }

  /** The lane at `below` changes places with the one at `above` if it comes before it. */
  #swapIfLower(below: number, above: number): boolean {
    const [one, other] = [this.#lanes[below], this.#lanes[above]];
    if (one === undefined || other === undefined) return false;
    if (this.#idAt(below) >= this.#idAt(above)) return false;
    this.#lanes[below] = other;
    this.#lanes[above] = one;
    return true;
  }

  #idAt(index: number): string {
    return this.#lanes[index]?.next?.id ?? BEHIND_ALL;
  }
}

/** Above every id, which is a UUID. */
const BEHIND_ALL = "~";

/**
 * The last `seq` of the conversation up to which every message has an id no higher than this one. Ids
 * ascend as `seq` does, so few messages are looked at, also of a long conversation; fewest where
 * little is above.
 */
export async function seqAt(
  store: ChatStore,
  { conversationId, lastSeq }: ConversationHead,
  messageId: string,
): Promise<number> {
  /** Messages from that `seq` on are all above. */
  const isAbove = async (seq: number): Promise<boolean> => {
    const [message] = await store.history({ conversationId, afterSeq: seq - 1, limit: 1 });
    return message === undefined || message.id > messageId;
  };
  let above = lastSeq + 1;
  let below = 0;
  for (let step = 1; above > 1; step *= 2) {
    const seq = Math.max(1, above - step);
    if (!(await isAbove(seq))) {
      below = seq;
      break;
    }
    above = seq;
  }
  while (above - below > 1) {
    const middle = (above + below) >> 1;
    if (await isAbove(middle)) above = middle;
    else below = middle;
  }
  return above - 1;
}

/** The conversation's last message whose id is no higher than this one. */
export async function lastUpTo(
  store: ChatStore,
  head: ConversationHead,
  messageId: string,
): Promise<StoredMessage | null> {
  const beforeSeq = (await seqAt(store, head, messageId)) + 1;
  const { conversationId } = head;
  const [last] = await store.history({ conversationId, beforeSeq, limit: 1 });
  return last ?? null;
}

/** The last message up to that `seq` that the user does not have, so far as is known. */
export async function lastOfOthers(
  store: ChatStore,
  userId: string,
  { conversationId, deliveredSeq }: BacklogHead,
  uptoSeq: number,
): Promise<StoredMessage | null> {
  for (let seq = uptoSeq; seq > deliveredSeq; ) {
    const page = await store.history({ conversationId, beforeSeq: seq + 1, limit: 10 });
    const message = page.findLast(({ senderId }) => senderId !== userId);
    if (message !== undefined) return message.seq > deliveredSeq ? message : null;
    seq = (page[0]?.seq ?? 0) - 1;
  }
  return null;
}
