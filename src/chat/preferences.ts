import type { Clock } from "../clock.ts";
import type { ConversationChanges } from "./conversation-changes.ts";
import { preferencesEvent } from "./events.ts";
import type { Outlet } from "./outlet.ts";
import { memberOf } from "./roles.ts";
import type { Preferences } from "./stored-chats.ts";

export interface MemberPreferencesOptions {
  readonly changes: ConversationChanges;
  readonly outlet: Outlet;
  readonly clock: Clock;
}

/** What members arrange for themselves: they are muted, archived and pinned for nobody else. */
export class MemberPreferences {
  readonly #options: MemberPreferencesOptions;

  constructor(options: MemberPreferencesOptions) {
    this.#options = options;
  }

  /**
   * What is not named stays as it is. When it is on disk, the user's connections are told. Rejects
   * with CONVERSATION_NOT_FOUND.
   */
  async set(userId: string, conversationId: string, change: Partial<Preferences>): Promise<void> {
    const { changes, outlet, clock } = this.#options;
    await changes.run(conversationId, (found, settled) => {
      const { conversation } = memberOf(found, conversationId, userId);
      const write = { conversationId, userId, ...change };
      changes.write({ change: "preferences", conversation, write }, settled);
    });
    outlet.confirmation(userId, preferencesEvent(conversationId, change, clock.now()));
  }
}
