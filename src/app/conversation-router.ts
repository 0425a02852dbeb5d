import { unknownDestination } from "../broker/destination.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { conversationSchemas, idByKey, preferencesChange } from "./conversation-schemas.ts";
import { parseBody } from "./schemas.ts";

export const CONVERSATION_ROUTE = "/app/conversation.";

export interface ConversationRouterOptions {
  readonly chat: Chat;
  readonly clock: Clock;
  /** Users may make groups. */
  readonly openGroups: boolean;
}

/**
 * What clients send to `/app/conversation.*`: the same as the HTTP API does, and what comes of it
 * comes as messages with an `event`. A receipt says that it is on disk.
 */
export class ConversationRouter {
  readonly #options: ConversationRouterOptions;

  constructor(options: ConversationRouterOptions) {
    this.#options = options;
  }

  /** Throws and rejects with UNKNOWN_DESTINATION, RATE_LIMITED and what chat refuses it with. */
  async handle(actor: Actor, destination: string, text: string): Promise<void> {
    const { chat } = this.#options;
    chat.messageRate.spend(actor.userId, "changes of this user");
    switch (destination) {
      case "/app/conversation.create": {
        this.#assertMayCreate();
        const { idempotencyKey, ...group } = parseBody(conversationSchemas.create, text);
        const id = idempotencyKey && idByKey(actor, idempotencyKey);
        await chat.membership.create(actor, { ...group, id, ownerId: null });
        return;
      }
      case "/app/conversation.update": {
        const { conversationId, ...profile } = parseBody(conversationSchemas.update, text);
        await chat.profiles.change(actor, conversationId, profile);
        return;
      }
      case "/app/conversation.add": {
        const { conversationId, userId } = parseBody(conversationSchemas.add, text);
        return await chat.membership.add(actor, conversationId, userId);
      }
      case "/app/conversation.remove": {
        const { conversationId, userId } = parseBody(conversationSchemas.remove, text);
        return await chat.membership.remove(actor, conversationId, userId);
      }
      case "/app/conversation.leave": {
        const { conversationId } = parseBody(conversationSchemas.leave, text);
        return await chat.membership.leave(actor, conversationId);
      }
      case "/app/conversation.join": {
        const { code } = parseBody(conversationSchemas.join, text);
        await chat.invites.join(actor, code);
        return;
      }
      case "/app/conversation.role": {
        const { conversationId, userId, role } = parseBody(conversationSchemas.role, text);
        return await chat.roles.set(actor, conversationId, userId, role);
      }
      case "/app/conversation.preferences":
        return await this.#setPreferences(actor, text);
    }
    throw unknownDestination(destination);
  }

  async #setPreferences({ userId }: Actor, text: string): Promise<void> {
    const { chat, clock } = this.#options;
    const { conversationId, ...preferences } = parseBody(conversationSchemas.preferences, text);
    const change = preferencesChange(preferences, clock.now());
    await chat.preferences.set(userId, conversationId, change);
  }

  #assertMayCreate(): void {
    if (this.#options.openGroups) return;
    throw new AppError("NOT_PERMITTED", "Groups are made by the app's back end alone");
  }
}
