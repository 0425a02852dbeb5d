import type { Clock, Timer } from "../clock.ts";
import { encodeReceived } from "./node-notice.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { ChatStore, SentMessage } from "./ports.ts";

/** What members receive so soon after others is looked at together. */
const GATHER_MS = 50;
/** So long it is known of which messages their sender has been told. */
const KNOWN_MS = 600_000;
const SWEEP_MS = 60_000;

export interface GroupDeliveriesOptions {
  readonly store: ChatStore;
  readonly nodes: OtherNodes;
  readonly clock: Clock;
  /** The user is connected to this node. */
  readonly isHere: (userId: string) => boolean;
  /** All members but its sender, who is here, have the message. */
  readonly tell: (message: SentMessage) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
}

/** Some members have received these messages of one sender's. */
interface Received {
  readonly senderId: string;
  readonly conversationId: string;
  /** By `seq`. */
  readonly messages: Map<number, SentMessage>;
}

/**
 * DELIVERED in groups with members on several nodes: only the store knows how far all of them have
 * come. So each node tells the nodes of the sender which messages its members have received, and
 * these look at the two slowest members: whichever mark is committed last, a look follows it.
 */
export class GroupDeliveries {
  readonly #options: GroupDeliveriesOptions;
  /** By conversation and sender: what members here have received, and what senders here wait for. */
  #toTell = new Map<string, Received>();
  #toLookAt = new Map<string, Received>();
  #timer: Timer | null = null;
  /** By id, when their senders were told; the first one first. */
  readonly #told = new Map<string, number>();
  #sweep: Timer | null = null;

  constructor(options: GroupDeliveriesOptions) {
    this.#options = options;
  }

  /** The mark of a member who has received the message is on disk. */
  add(message: SentMessage): void {
    note(this.#toTell, message);
    this.#schedule();
  }

  /** Another node says so of messages of one sender's. */
  received(messages: readonly SentMessage[]): void {
    for (const message of messages) note(this.#toLookAt, message);
    if (messages.length > 0) this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#sweep?.cancel();
  }

  #schedule(): void {
    this.#timer ??= this.#options.clock.schedule(GATHER_MS, this.#gathered);
  }

  readonly #gathered = (): void => {
    const { nodes, isHere, onFault } = this.#options;
    const [toTell, toLookAt] = [this.#toTell, this.#toLookAt];
    this.#toTell = new Map();
    this.#toLookAt = new Map();
    this.#timer = null;
    for (const { senderId, messages } of toTell.values()) {
      nodes.toUser(senderId, encodeReceived([...messages.values()]));
      for (const message of messages.values()) note(toLookAt, message);
    }
    for (const received of toLookAt.values()) {
      if (isHere(received.senderId)) this.#look(received).catch(onFault);
    }
  };

  async #look({ senderId, conversationId, messages }: Received): Promise<void> {
    const { store, clock, tell } = this.#options;
    const slowest = await store.slowest(conversationId, 2);
    const seq = slowest.find(({ userId }) => userId !== senderId)?.deliveredSeq ?? 0;
    for (const message of [...messages.values()].sort((one, other) => one.seq - other.seq)) {
      if (message.seq > seq || this.#told.has(message.id)) continue;
      this.#told.set(message.id, clock.monotonicMs());
      await tell(message);
    }
    this.#sweep ??= clock.schedule(SWEEP_MS, this.#forget);
  }

  readonly #forget = (): void => {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [id, ms] of this.#told) {
      if (nowMs - ms < KNOWN_MS) break;
      this.#told.delete(id);
    }
    this.#sweep = this.#told.size === 0 ? null : clock.schedule(SWEEP_MS, this.#forget);
  };
}

function note(received: Map<string, Received>, message: SentMessage): void {
  const { senderId, conversationId, seq } = message;
  const key = `${senderId} ${conversationId}`; // Ids hold no space.
  const known = received.get(key);
  if (known === undefined) {
    received.set(key, { senderId, conversationId, messages: new Map([[seq, message]]) });
  } else {
    known.messages.set(seq, message);
  }
}
