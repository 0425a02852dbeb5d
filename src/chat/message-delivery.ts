import type { Conversation } from "./conversations.ts";
import { messageEvent, shownSince } from "./events.ts";
import type { Origin, Outlet } from "./outlet.ts";
import type { StoredMessage } from "./ports.ts";

/** Which of the sender's own connections get a copy. */
export type Echo = "others" | "all" | "none";

/** Brings messages to the members of their conversations who are there. */
export class MessageDelivery {
  readonly #outlet: Outlet;
  readonly #echo: Echo;

  constructor(outlet: Outlet, echo: Echo) {
    this.#outlet = outlet;
    this.#echo = echo;
  }

  /** `origin`: whence it came; null: from nowhere that is to be told apart. */
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
  }

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
