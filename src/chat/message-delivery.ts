import type { Conversation } from "./conversation.ts";
import { farewellOf, messageEvent, shownSince } from "./events.ts";
import type { Origin, Outlet } from "./outlet.ts";
import type { SentMessage, StoredMessage } from "./stored-chats.ts";

/** Which of the sender's own connections get a copy. */
export type Echo = "others" | "all" | "none";

/** Brings messages to the members of their conversations. */
export interface Delivery {
  /**
   * @param message one that is on disk, unless members are shown messages before that
   * @param origin the connection it came from; null: from none that is to be told apart
   */
  deliver(conversation: Conversation, message: StoredMessage, origin: Origin | null): void;
  /** The message is on disk, and its sender was not told so: perhaps nobody was told of it. */
  assure(conversation: Conversation, message: SentMessage): void;
}

/** To those who are connected to this node; who has just ceased to be a member is told so. */
export class MessageDelivery implements Delivery {
  readonly #outlet: Outlet;
  readonly #echo: Echo;

  constructor(outlet: Outlet, echo: Echo) {
    this.#outlet = outlet;
    this.#echo = echo;
  }

  deliver(conversation: Conversation, message: StoredMessage, origin: Origin | null): void {
    const outlet = this.#outlet;
    const echo = this.#echo;
    if (message.edited !== null) {
      this.#deliverEdit(conversation, message);
      return;
    }
    const body = messageEvent(message);
    for (const { userId, joinedSeq } of conversation.members.values()) {
      if (joinedSeq >= message.seq) continue; // Joined since, while the message waited for the disk.
      if (userId !== message.senderId) {
        outlet.message(userId, message, body, null);
        outlet.watchDeparture(userId, message);
      } else if (echo !== "none" || message.event !== null) {
        outlet.message(userId, message, body, echo === "others" ? origin : null);
      }
    }
    const goneId = farewellOf(message);
    if (goneId !== null && !conversation.members.has(goneId)) {
      outlet.message(goneId, message, body, null);
    }
  }

  /** Who takes messages here tells of them in the turn of the commit. */
  assure(): void {}

  /** Not everybody was there when what is edited was said. */
  #deliverEdit(conversation: Conversation, message: StoredMessage): void {
    const outlet = this.#outlet;
    for (const { userId, joinedSeq } of conversation.members.values()) {
      if (joinedSeq >= message.seq) continue;
      const shown = shownSince(joinedSeq, message);
      outlet.message(userId, shown, messageEvent(shown), null);
      if (userId !== message.senderId) outlet.watchDeparture(userId, shown);
    }
  }
}
