import type {
  KnownUser,
  MessagePage,
  StoredMembership,
  StoredReaction,
  UserDataStore,
  UserProfile,
  UserStore,
} from "../chat/user-ports.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { MemoryChatStore } from "./memory-chat-store.ts";
import { compare, NO_PREFERENCES } from "./memory-conversation.ts";
import { sharingWithin } from "./sharing.ts";

export interface MemoryUser {
  /** null, both: they have never been there. */
  readonly name: string | null;
  readonly lastSeenMs: number | null;
  readonly profile: UserProfile;
}

export const NO_PROFILE: UserProfile = { name: null, picture: null };

/** Users beside the chats in memory. */
export class MemoryUserStore implements UserStore, UserDataStore {
  constructor(readonly chat: MemoryChatStore) {}

  async putProfile(userId: string, change: Partial<UserProfile>): Promise<void> {
    const { users } = this.chat.tables;
    const user = users.get(userId) ?? { name: null, lastSeenMs: null, profile: NO_PROFILE };
    const { name = user.profile.name, picture = user.profile.picture } = change;
    users.set(userId, { ...user, profile: { name, picture } });
  }

  nameOf(userId: string): string | null {
    return this.chat.tables.users.get(userId)?.profile.name ?? null;
  }

  known(userIds: readonly string[]): KnownUser[] {
    const { users } = this.chat.tables;
    return [...new Set(userIds)].flatMap((userId) => {
      const user = users.get(userId);
      if (user === undefined) return [];
      const { name: authenticatedName, lastSeenMs, profile } = user;
      return { userId, ...profile, authenticatedName, lastSeenMs };
    });
  }

  list(after: string | null, limit: number): KnownUser[] {
    const userIds = [...this.chat.tables.users.keys()].sort(compare);
    return this.known(userIds.filter((userId) => userId > (after ?? "")).slice(0, limit));
  }

  sharing(userId: string, otherIds: readonly string[]): MaybePromise<string[]> {
    const { conversationsOfUser } = this.chat.tables;
    const own = conversationsOfUser.get(userId) ?? [];
    return sharingWithin(otherIds, (ids, most) =>
      ids.map((otherId) => {
        const theirs = conversationsOfUser.get(otherId) ?? [];
        const [fewer, sought] = theirs.length <= own.length ? [theirs, userId] : [own, otherId];
        const looked = fewer.slice(0, most);
        return {
          userId: otherId,
          isSharing: looked.some(({ members }) => members.has(sought)),
          isSure: fewer.length <= most,
        };
      }),
    );
  }

  membershipsOf(userId: string, after: string | null, limit: number): StoredMembership[] {
    const conversations = this.chat.tables.conversationsOfUser.get(userId) ?? [];
    return [...conversations]
      .filter(({ id }) => id > (after ?? ""))
      .sort((a, b) => compare(a.id, b.id))
      .slice(0, limit)
      .flatMap(({ id, kind, profile, members, preferences }) => {
        const member = members.get(userId);
        if (member === undefined) return [];
        const { userId: _, ...part } = member;
        const own = preferences.get(userId) ?? NO_PREFERENCES;
        return { conversationId: id, kind, title: profile.title, ...part, ...own };
      });
  }

  messagesOf(userId: string, from: string | null, limit: number): MessagePage {
    const sent = [...this.chat.tables.messages.values()]
      .filter(({ senderId, id }) => senderId === userId && id > (from ?? ""))
      .sort((a, b) => compare(a.id, b.id));
    const messages = sent.slice(0, limit);
    return { messages, next: sent.length > limit ? (messages.at(-1)?.id ?? null) : null };
  }

  reactionsOf(userId: string, after: string | null, limit: number): StoredReaction[] {
    const { reactions, messages } = this.chat.tables;
    return [...reactions.keys()]
      .filter((messageId) => messageId > (after ?? ""))
      .sort(compare)
      .flatMap((messageId) => {
        const reaction = reactions.get(messageId)?.get(userId);
        const conversationId = messages.get(messageId)?.conversationId;
        if (reaction === undefined || conversationId === undefined) return [];
        return { messageId, conversationId, ...reaction };
      })
      .slice(0, limit);
  }
}
