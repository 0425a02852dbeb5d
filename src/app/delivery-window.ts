import type { StoredMessage } from "../chat/stored-chats.ts";

/**
 * Acknowledgements of one subscription as a watermark needs them: a message counts once all earlier
 * ones of its conversation that the subscription sent have been acknowledged. One that the client
 * refused (NACK) keeps those behind it from counting, so that all of them come again at the next
 * subscription. What an acknowledgement costs does not depend on how many are outstanding.
 */
export class DeliveryWindow {
  /** By conversation. */
  readonly #lanes = new Map<string, Lane>();
  readonly #refusedSeq = new Map<string, number>();

  /** The client was sent the message. */
  sent(message: StoredMessage): void {
    if (this.#isBehindRefused(message)) return; // Never counts: nothing of it need be kept.
    const lane = this.#lanes.get(message.conversationId);
    if (lane === undefined) this.#lanes.set(message.conversationId, new Lane(message));
    else lane.add(message);
  }

  /** Returns the messages that count from now on, each conversation's in order. */
  acknowledged(messages: readonly StoredMessage[]): StoredMessage[] {
    const touched = new Set<Lane>();
    for (const message of messages) {
      if (this.#isBehindRefused(message)) continue;
      const lane = this.#lanes.get(message.conversationId);
      if (lane === undefined) continue;
      lane.acknowledge(message);
      touched.add(lane);
    }
    const counted: StoredMessage[] = [];
    for (const lane of touched) {
      lane.takeCounted(counted);
      if (lane.isEmpty) this.#lanes.delete(lane.conversationId);
    }
    return counted;
  }

  refused(messages: readonly StoredMessage[]): void {
    for (const { conversationId, seq } of messages) {
      const known = this.#refusedSeq.get(conversationId);
      if (known !== undefined && known <= seq) continue;
      this.#refusedSeq.set(conversationId, seq);
      this.#lanes.get(conversationId)?.cutFrom(seq);
    }
  }

  /** The user has left the conversation: nothing of it counts. */
  forget(conversationId: string): void {
    this.#lanes.delete(conversationId);
    this.#refusedSeq.delete(conversationId);
  }

  #isBehindRefused({ conversationId, seq }: StoredMessage): boolean {
    return seq >= (this.#refusedSeq.get(conversationId) ?? Number.POSITIVE_INFINITY);
  }
}

/** How many counted messages stay at the front of a lane's list before it is cut. */
const LONGEST_FRONT = 64;

/** What one conversation waits for. */
class Lane {
  readonly conversationId: string;
  /** Ascending by `seq`; those before `#first` have counted. */
  #sent: StoredMessage[];
  #first = 0;
  /** Acknowledged before an earlier one was. */
  readonly #early = new Set<number>();

  constructor(message: StoredMessage) {
    this.conversationId = message.conversationId;
    this.#sent = [message];
  }

  get isEmpty(): boolean {
    return this.#first === this.#sent.length;
  }

  /** One that came before, or that lies before all these, is waited for already, or not at all. */
  add(message: StoredMessage): void {
    if (message.seq > (this.#sent.at(-1)?.seq ?? 0)) this.#sent.push(message);
  }

  acknowledge({ seq }: StoredMessage): void {
    if (seq >= (this.#sent[this.#first]?.seq ?? Number.POSITIVE_INFINITY)) this.#early.add(seq);
  }

  /** Moves what counts now to `counted`. */
  takeCounted(counted: StoredMessage[]): void {
    for (
      let next = this.#sent[this.#first];
      next !== undefined && this.#early.delete(next.seq);
      next = this.#sent[this.#first]
    ) {
      counted.push(next);
      this.#first += 1;
    }
    // Now and then, so that each message is moved a bounded number of times.
    if (this.#first < LONGEST_FRONT || 2 * this.#first < this.#sent.length) return;
    this.#sent = this.#sent.slice(this.#first);
    this.#first = 0;
  }

  /** Messages from there on never count. */
  cutFrom(seq: number): void {
    const at = this.#sent.findIndex((message) => message.seq >= seq);
    if (at >= 0) this.#sent.length = Math.max(at, this.#first);
  }
}
