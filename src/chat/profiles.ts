import { AppError } from "../errors.ts";
import type { Actor } from "./actor.ts";
import type { ConversationChanges } from "./conversation-changes.ts";
import type { Messages } from "./messages.ts";
import type { ConversationProfile } from "./ports.ts";
import { managed } from "./roles.ts";

export interface ProfilesOptions {
  readonly changes: ConversationChanges;
  readonly messages: Messages;
}

/** What is not named, or undefined, stays as it is. */
export type ProfileChange = {
  readonly [Part in keyof ConversationProfile]?: string | null | undefined;
};

/** How groups show themselves. */
export class Profiles {
  readonly #options: ProfilesOptions;

  constructor(options: ProfilesOptions) {
    this.#options = options;
  }

  /**
   * For who looks after the group, and `SYSTEM`; a no-op where
   * nothing changes. Rejects with CONVERSATION_NOT_FOUND, NOT_PERMITTED, VALIDATION_FAILED for a direct
   * conversation.
   */
  change(
    actor: Actor,
    conversationId: string,
    change: ProfileChange,
  ): Promise<ConversationProfile> {
    const { changes, messages } = this.#options;
    return changes.run(conversationId, (found, settled) => {
      const conversation = managed(found, conversationId, actor);
      if (conversation.kind === "direct") {
        throw new AppError("VALIDATION_FAILED", "A direct conversation shows the other user");
      }
      const before = conversation.profile;
      const { title = before.title, picture = before.picture } = change;
      if (title === before.title && picture === before.picture) {
        changes.settleWithOthers(conversation, settled);
        return before;
      }
      const profile = { title, picture };
      changes.setProfile(conversation, profile, settled);
      messages.tell(conversation, actor, { type: "CONVERSATION_CHANGED", event: profile });
      return profile;
    });
  }
}
