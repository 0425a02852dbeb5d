import type { Clock, Timer } from "../clock.ts";
import type { Conversation, Conversations } from "./conversations.ts";
import type { StoredMessage } from "./ports.ts";

/** What members receive so soon after others is looked at together. */
const GATHER_MS = 50;

export interface GroupDeliveriesOptions {
  readonly conversations: Conversations;
  readonly clock: Clock;
  /** How far all members have come is known now. */
  readonly tell: (conversation: Conversation, message: StoredMessage) => void;
  readonly onFault: (fault: unknown) => void;
}

/**
 * Groups with members on several nodes: only the store knows how far all of them have come. Whichever
 * node commits the last one's mark finds all of them there.
 */
export class GroupDeliveries {
  readonly #options: GroupDeliveriesOptions;
  /** By conversation and id, messages that a member has received here. */
  #received = new Map<Conversation, Map<string, StoredMessage>>();
  #timer: Timer | null = null;

  constructor(options: GroupDeliveriesOptions) {
    this.#options = options;
  }

  /** The mark of a member who has received the message is on disk. */
  add(conversation: Conversation, message: StoredMessage): void {
    const messages = this.#received.get(conversation);
    if (messages === undefined) {
      this.#received.set(conversation, new Map([[message.id, message]]));
    } else {
      messages.set(message.id, message);
    }
    this.#timer ??= this.#options.clock.schedule(GATHER_MS, this.#look);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  readonly #look = (): void => {
    const { conversations, tell, onFault } = this.#options;
    const received = this.#received;
    this.#received = new Map();
    this.#timer = null;
    for (const [conversation, messages] of received) {
      const known = conversations.reload(conversation).then(() => {
        for (const message of messages.values()) tell(conversation, message);
      });
      known.catch(onFault);
    }
  };
}
