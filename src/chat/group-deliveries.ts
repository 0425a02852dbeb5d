import type { Clock, Timer } from "../clock.ts";
import { encodeReceived } from "./node-notice.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { ChatStore } from "./ports.ts";
import type { SentMessage } from "./stored-chats.ts";
import type { ToldDeliveries } from "./told-deliveries.ts";

/** When the store cannot be read. */
const RETRY_MS = 1_000;
/** What members receive so soon after others is looked at together. */
const GATHER_MS = 50;

export interface GroupDeliveriesOptions {
  readonly store: ChatStore;
  readonly nodes: OtherNodes;
  readonly clock: Clock;
  /** The user is connected to this node. */
  readonly isHere: (userId: string) => boolean;
  readonly told: ToldDeliveries;
  /** All members but its sender, who is here, have the message: they are told, unless they have been. */
  readonly tell: (message: SentMessage) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
}

/** Some members have received these messages of a conversation: by `seq`. */
type Received = Map<number, SentMessage>;

/**
 * DELIVERED in groups with members on several nodes: only the store knows how far all of them have
 * come. So each node tells the nodes of the sender which messages its members have received, and
 * these look at the two slowest members: whichever mark is committed last, a look follows it.
 */
export class GroupDeliveries {
  readonly #options: GroupDeliveriesOptions;
  /** By sender, by conversation: what members here have received. */
  #toTell = new Map<string, Map<string, Received>>();
  /** By conversation: what senders here wait for. */
  #toLookAt = new Map<string, Received>();
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: GroupDeliveriesOptions) {
    this.#options = options;
  }

  /** The mark of a member who has received the message is on disk. */
  add(message: SentMessage): void {
    const { senderId } = message;
    const bySender = this.#toTell.get(senderId) ?? new Map<string, Received>();
    this.#toTell.set(senderId, bySender);
    note(bySender, message);
    this.#noteToLookAt(message);
    this.#schedule(GATHER_MS);
  }

  /** Another node says so. */
  received(messages: readonly SentMessage[]): void {
    for (const message of messages) this.#noteToLookAt(message);
    if (this.#toLookAt.size > 0) this.#schedule(GATHER_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #noteToLookAt(message: SentMessage): void {
    const { isHere, told } = this.#options;
    if (isHere(message.senderId) && !told.has(message.id)) note(this.#toLookAt, message);
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer ??= this.#options.clock.schedule(delayMs, this.#gathered);
  }

  readonly #gathered = (): void => {
    const { nodes, onFault } = this.#options;
    const [toTell, toLookAt] = [this.#toTell, this.#toLookAt];
    this.#toTell = new Map();
    this.#toLookAt = new Map();
    this.#timer = null;
    for (const [senderId, byConversation] of toTell) {
      for (const messages of byConversation.values()) {
        nodes.toUser(senderId, encodeReceived([...messages.values()]));
      }
    }
    for (const [conversationId, messages] of toLookAt) {
      this.#look(conversationId, messages).catch((fault: unknown) => {
        onFault(fault);
        for (const message of messages.values()) this.#noteToLookAt(message);
        this.#schedule(RETRY_MS);
      });
    }
  };

  async #look(conversationId: string, messages: Received): Promise<void> {
    const { store, told, tell } = this.#options;
    const slowest = await store.slowest(conversationId, 2);
    for (const message of [...messages.values()].sort((one, other) => one.seq - other.seq)) {
      const { id, seq, senderId } = message;
      const slowestOther = slowest.find(({ userId }) => userId !== senderId);
      if (seq > (slowestOther?.deliveredSeq ?? 0) || told.has(id)) continue;
      await tell(message);
    }
  }
}

function note(byConversation: Map<string, Received>, message: SentMessage): void {
  const { conversationId, seq } = message;
  const known = byConversation.get(conversationId);
  if (known === undefined) byConversation.set(conversationId, new Map([[seq, message]]));
  else known.set(seq, message);
}
