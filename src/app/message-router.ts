import { unknownDestination } from "../broker/destination.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import { messageSchemas } from "./message-schemas.ts";
import { parseBody } from "./schemas.ts";

export const MESSAGE_ROUTE = "/app/message.";

/**
 * What clients send to `/app/message.*`: changes of messages that were sent. What comes of it comes as
 * messages with an `event`. A receipt says that it is on disk.
 */
export class MessageRouter {
  readonly #chat: Chat;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  /** Throws and rejects with UNKNOWN_DESTINATION, RATE_LIMITED and what chat refuses it with. */
  async handle(actor: Actor, destination: string, text: string): Promise<void> {
    const { messageRate, messageChanges } = this.#chat;
    messageRate.spend(actor.userId, "changes of this user");
    switch (destination) {
      case "/app/message.edit": {
        const { id, content, mentions } = parseBody(messageSchemas.edit, text);
        return await messageChanges.edit(actor, id, content, mentions);
      }
      case "/app/message.delete": {
        const { id } = parseBody(messageSchemas.delete, text);
        return await messageChanges.delete(actor, id);
      }
      case "/app/message.react": {
        const { id, emoji } = parseBody(messageSchemas.react, text);
        return await messageChanges.react(actor, id, emoji);
      }
      case "/app/message.pin": {
        const { id, pinned } = parseBody(messageSchemas.pin, text);
        return await messageChanges.pin(actor, id, pinned);
      }
    }
    throw unknownDestination(destination);
  }
}
