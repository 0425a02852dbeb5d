import { AppError } from "../errors.ts";
import type { Actor } from "./actor.ts";
import { type Blocks, blocked } from "./blocks.ts";
import type { Conversation } from "./conversation.ts";
import type { ConversationChanges } from "./conversation-changes.ts";
import type { Messages } from "./messages.ts";
import { entered, managed } from "./roles.ts";
import type { ConversationProfile } from "./stored-chats.ts";

export interface ProfilesOptions {
  readonly changes: ConversationChanges;
  readonly messages: Messages;
  readonly blocks: Blocks;
}

/** What is not named, or undefined, stays as it is. */
export type ProfileChange = {
  readonly [Part in keyof ConversationProfile]?: ConversationProfile[Part] | undefined;
};

/** How groups show themselves, and how long conversations keep what is said. */
export class Profiles {
  readonly #options: ProfilesOptions;

  constructor(options: ProfilesOptions) {
    this.#options = options;
  }

  /**
   * For who looks after the group, and `SYSTEM`; in a direct conversation for both, but for its
   * appearance. A no-op where nothing changes. Rejects with CONVERSATION_NOT_FOUND, NOT_PERMITTED,
   * BLOCKED, VALIDATION_FAILED for the appearance of a direct conversation.
   */
  change(
    actor: Actor,
    conversationId: string,
    change: ProfileChange,
  ): Promise<ConversationProfile> {
    const { changes, messages } = this.#options;
    return changes.run(conversationId, (found, settled) => {
      const conversation = this.#changeable(found, conversationId, actor, change);
      const before = conversation.profile;
      const { title = before.title, picture = before.picture } = change;
      const { disappearAfterSeconds = before.disappearAfterSeconds } = change;
      const looksElse = title !== before.title || picture !== before.picture;
      const keepsElse = disappearAfterSeconds !== before.disappearAfterSeconds;
      if (!looksElse && !keepsElse) {
        changes.settleWithOthers(conversation, settled);
        return before;
      }
      const profile = { title, picture, disappearAfterSeconds };
      changes.setProfile(conversation, profile, settled);
      if (looksElse) {
        const event = { title, picture };
        messages.tell(conversation, actor, { type: "CONVERSATION_CHANGED", event });
      }
      if (keepsElse) {
        const event = { disappearAfterSeconds };
        messages.tell(conversation, actor, { type: "DISAPPEARING_CHANGED", event });
      }
      return profile;
    });
  }

  #changeable(
    found: Conversation | null,
    id: string,
    actor: Actor,
    { title, picture }: ProfileChange,
  ): Conversation {
    const conversation = entered(found, id, actor);
    if (conversation.kind === "group") return managed(conversation, id, actor);
    if (title !== undefined || picture !== undefined) {
      throw new AppError("VALIDATION_FAILED", "A direct conversation shows the other user");
    }
    const peerId = conversation.peerOf(actor.userId);
    if (peerId !== null && this.#options.blocks.isBetween(actor.userId, peerId)) throw blocked();
    return conversation;
  }
}
