import type { Api, NewGroup, PreferencesWish, ProfileChange } from "./api.ts";
import type { Attempt, Outcome } from "./attempts.ts";
import type { ConversationList } from "./conversation-list.ts";
import type { Event } from "./state.ts";
import type { Role } from "./wire.ts";
import type { Invite, InvitePreview, Member } from "./wire-groups.ts";

type GroupApi = Pick<
  Api,
  | "createGroup"
  | "changeProfile"
  | "members"
  | "addMember"
  | "removeMember"
  | "setRole"
  | "invites"
  | "createInvite"
  | "revokeInvite"
  | "invite"
  | "join"
  | "setPreferences"
>;

export interface GroupActionsOptions {
  readonly userId: string;
  readonly api: GroupApi;
  readonly list: Pick<ConversationList, "reload">;
  readonly attempt: Attempt;
  readonly dispatch: (event: Event) => void;
}

/**
 * What the user does to conversations. It shows when the server has it on disk; each answers with why
 * not, if it has refused.
 */
export class GroupActions {
  readonly #options: GroupActionsOptions;

  constructor(options: GroupActionsOptions) {
    this.#options = options;
  }

  /** The group's id. With the same key again, the same group. */
  create(group: NewGroup, key: string): Promise<Outcome<string>> {
    return this.#attempt(async (api) => {
      const id = await api.createGroup(group, key);
      await this.#options.list.reload(id);
      return id;
    });
  }

  changeProfile(id: string, change: ProfileChange): Promise<Outcome<void>> {
    return this.#change(id, (api) => api.changeProfile(id, change));
  }

  members(id: string): Promise<Outcome<Member[]>> {
    return this.#attempt((api) => api.members(id));
  }

  add(id: string, userId: string): Promise<Outcome<void>> {
    return this.#change(id, (api) => api.addMember(id, userId));
  }

  remove(id: string, userId: string): Promise<Outcome<void>> {
    return this.#change(id, (api) => api.removeMember(id, userId));
  }

  setRole(id: string, userId: string, role: Role): Promise<Outcome<void>> {
    return this.#change(id, (api) => api.setRole(id, userId, role));
  }

  leave(conversationId: string): Promise<Outcome<void>> {
    const { userId, dispatch } = this.#options;
    return this.#attempt(async (api) => {
      await api.removeMember(conversationId, userId);
      dispatch({ kind: "conversation-left", conversationId });
    });
  }

  invites(id: string): Promise<Outcome<Invite[]>> {
    return this.#attempt((api) => api.invites(id));
  }

  createInvite(id: string): Promise<Outcome<Invite>> {
    return this.#attempt((api) => api.createInvite(id));
  }

  revokeInvite(id: string, code: string): Promise<Outcome<void>> {
    return this.#attempt((api) => api.revokeInvite(id, code));
  }

  preview(code: string): Promise<Outcome<InvitePreview>> {
    return this.#attempt((api) => api.invite(code));
  }

  /** The group's id. */
  join(code: string): Promise<Outcome<string>> {
    return this.#attempt(async (api) => {
      const { conversationId } = await api.join(code);
      await this.#options.list.reload(conversationId);
      return conversationId;
    });
  }

  prefer(id: string, wish: PreferencesWish): Promise<Outcome<void>> {
    return this.#attempt((api) => api.setPreferences(id, wish));
  }

  #attempt<Answer>(call: (api: GroupApi) => Promise<Answer>): Promise<Outcome<Answer>> {
    const { attempt, api } = this.#options;
    return attempt(() => call(api));
  }

  /** A server may tell of changes of a group nothing by itself (`chat.system_messages`). */
  #change(id: string, call: (api: GroupApi) => Promise<void>): Promise<Outcome<void>> {
    return this.#attempt(async (api) => {
      await call(api);
      await this.#options.list.reload(id);
    });
  }
}
