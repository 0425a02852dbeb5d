import { Fields, readList } from "./fields.ts";
import { nameToSend } from "./files.ts";
import { ApiError, type Requests } from "./requests.ts";
import type { SendFileOptions } from "./send-file.ts";
import {
  type ConversationSummary,
  type Role,
  readConversation,
  readMessage,
  readPresence,
  readProfile,
  type UserPresence,
  type UserProfile,
  type WireMessage,
} from "./wire.ts";
import { type Attachment, type Links, readAttachment, readLinks } from "./wire-files.ts";
import {
  type Invite,
  type InvitePreview,
  type Member,
  readInvite,
  readInvitePreview,
  readMade,
  readMembers,
  readPlace,
  readVersions,
  type Version,
} from "./wire-groups.ts";
import { type FoundPage, readFoundPage } from "./wire-search.ts";

/** Of a page of what was found. */
const FOUND_MESSAGES = 20;

export interface HistoryRange {
  readonly before?: number;
  readonly after?: number;
  readonly limit: number;
}

export interface ListPage {
  readonly conversations: readonly ConversationSummary[];
  /** The `cursor` of the next page; null: there is none. */
  readonly next: string | null;
}

/** Of a conversation. What is not named stays; null takes it away. */
export interface ProfileChange {
  readonly title?: string | null;
  readonly picture?: string | null;
  readonly disappearAfterSeconds?: number | null;
}

/** What is not named stays; null takes it away. */
export interface UserProfileChange {
  readonly name?: string | null;
  readonly picture?: string | null;
}

export interface NewGroup {
  readonly title: string | null;
  readonly memberIds: readonly string[];
}

/** What is not named stays. */
export interface PreferencesWish {
  /** null: muted no longer. */
  readonly mutedUntilMs?: number | null;
  readonly isArchived?: boolean;
  readonly isPinned?: boolean;
}

/** The HTTP API. Each call fails with ApiError, MalformedBody, or TypeError without a network. */
export class Api {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** The pinned ones first, then the one with the newest message. */
  async conversations(
    isArchived: boolean,
    cursor: string | null,
    limit: number,
  ): Promise<ListPage> {
    const query = { limit, archived: String(isArchived), ...(cursor !== null && { cursor }) };
    const body = await this.#requests.get("/api/conversations", query);
    return {
      conversations: readList(body, "conversations", readConversation),
      next: new Fields(body).optionalText("next"),
    };
  }

  async conversation(id: string): Promise<ConversationSummary> {
    return readConversation(await this.#requests.get(conversationPath(id)));
  }

  /** Ascending by `seq`. A conversation without a first message has none. */
  async history(conversationId: string, range: HistoryRange): Promise<WireMessage[]> {
    const path = `${conversationPath(conversationId)}/messages`;
    try {
      return readList(await this.#requests.get(path, { ...range }), "messages", readMessage);
    } catch (fault) {
      if (fault instanceof ApiError && fault.code === "CONVERSATION_NOT_FOUND") return [];
      throw fault;
    }
  }

  async online(): Promise<UserPresence[]> {
    return readList(
      await this.#requests.get("/api/presence", { limit: 100 }),
      "users",
      readPresence,
    );
  }

  /** Those of the users whom the server knows. */
  async presenceOf(userIds: readonly string[]): Promise<UserPresence[]> {
    const query = { users: userIds.join(","), limit: 100 };
    return readList(await this.#requests.get("/api/presence", query), "users", readPresence);
  }

  /** Those of the users whom the server lets one see, at most 100. */
  async profiles(userIds: readonly string[]): Promise<UserProfile[]> {
    const query = { ids: userIds.join(",") };
    return readList(await this.#requests.get("/api/users", query), "users", readProfile);
  }

  async changeUser(userId: string, change: UserProfileChange): Promise<UserProfile> {
    const path = `/api/users/${encodeURIComponent(userId)}`;
    return readProfile(await this.#requests.send("PATCH", path, change));
  }

  /** The newest first. `conversationId` null: in all of them. */
  async search(
    text: string,
    conversationId: string | null,
    cursor: string | null,
  ): Promise<FoundPage> {
    const query = {
      ...{ q: text, limit: FOUND_MESSAGES },
      ...(conversationId !== null && { conversation: conversationId }),
      ...(cursor !== null && { cursor }),
    };
    return readFoundPage(await this.#requests.get("/api/search", query));
  }

  /** The id of the group; the same for the same key. */
  async createGroup(group: NewGroup, idempotencyKey: string): Promise<string> {
    const headers = { "Idempotency-Key": idempotencyKey };
    return readMade(await this.#requests.send("POST", "/api/conversations", group, headers));
  }

  async changeProfile(id: string, change: ProfileChange): Promise<void> {
    await this.#requests.send("PATCH", conversationPath(id), change);
  }

  async setPreferences(id: string, wish: PreferencesWish): Promise<void> {
    const { mutedUntilMs, isArchived, isPinned } = wish;
    await this.#requests.send("PATCH", `${conversationPath(id)}/preferences`, {
      ...(mutedUntilMs !== undefined && {
        mutedUntil: mutedUntilMs === null ? null : new Date(mutedUntilMs).toISOString(),
      }),
      ...(isArchived !== undefined && { archived: isArchived }),
      ...(isPinned !== undefined && { pinned: isPinned }),
    });
  }

  /** In the order of their joining. */
  async members(id: string): Promise<Member[]> {
    return readMembers(await this.#requests.get(`${conversationPath(id)}/members`));
  }

  async addMember(id: string, userId: string): Promise<void> {
    await this.#requests.send("PUT", memberPath(id, userId));
  }

  async removeMember(id: string, userId: string): Promise<void> {
    await this.#requests.send("DELETE", memberPath(id, userId));
  }

  async setRole(id: string, userId: string, role: Role): Promise<void> {
    await this.#requests.send("PATCH", memberPath(id, userId), { role });
  }

  /** The oldest first. */
  async invites(id: string): Promise<Invite[]> {
    return readList(
      await this.#requests.get(`${conversationPath(id)}/invites`),
      "invites",
      readInvite,
    );
  }

  async createInvite(id: string): Promise<Invite> {
    return readInvite(await this.#requests.send("POST", `${conversationPath(id)}/invites`, {}));
  }

  async revokeInvite(id: string, code: string): Promise<void> {
    await this.#requests.send(
      "DELETE",
      `${conversationPath(id)}/invites/${encodeURIComponent(code)}`,
    );
  }

  async invite(code: string): Promise<InvitePreview> {
    return readInvitePreview(await this.#requests.get(`/api/invites/${encodeURIComponent(code)}`));
  }

  async join(code: string): Promise<InvitePreview> {
    const path = `/api/invites/${encodeURIComponent(code)}/join`;
    return readInvitePreview(await this.#requests.send("POST", path));
  }

  async editMessage(id: string, content: string, mentions: readonly string[]): Promise<void> {
    await this.#requests.send("PATCH", messagePath(id), { content, mentions });
  }

  async deleteMessage(id: string): Promise<void> {
    await this.#requests.send("DELETE", messagePath(id));
  }

  /** null takes the reaction back. */
  async react(id: string, emoji: string | null): Promise<void> {
    const path = `${messagePath(id)}/reaction`;
    await (emoji === null
      ? this.#requests.send("DELETE", path)
      : this.#requests.send("PUT", path, { emoji }));
  }

  async pin(id: string, isPinned: boolean): Promise<void> {
    await this.#requests.send(isPinned ? "PUT" : "DELETE", `${messagePath(id)}/pin`);
  }

  /** The one pinned last first. */
  async pins(conversationId: string): Promise<WireMessage[]> {
    const body = await this.#requests.get(`${conversationPath(conversationId)}/pins`);
    return readList(body, "messages", readMessage);
  }

  /** The oldest first. */
  async versions(id: string): Promise<Version[]> {
    return readVersions(await this.#requests.get(`${messagePath(id)}/versions`));
  }

  async placeOf(id: string): Promise<{ conversationId: string; seq: number }> {
    return readPlace(await this.#requests.get(`${messagePath(id)}/status`));
  }

  /** Fails also with the signal's reason. */
  async upload(file: File, options: Omit<SendFileOptions, "headers">): Promise<Attachment> {
    const path = `/api/attachments?${new URLSearchParams({ name: nameToSend(file.name) })}`;
    return readAttachment(await this.#requests.sendFile(path, file, options));
  }

  async withdrawFile(id: string): Promise<void> {
    await this.#requests.send("DELETE", filePath(id));
  }

  async fileLinks(id: string): Promise<Links> {
    return readLinks(await this.#requests.get(filePath(id)));
  }
}

function conversationPath(id: string): string {
  return `/api/conversations/${encodeURIComponent(id)}`;
}

function memberPath(id: string, userId: string): string {
  return `${conversationPath(id)}/members/${encodeURIComponent(userId)}`;
}

function filePath(id: string): string {
  return `/api/attachments/${encodeURIComponent(id)}`;
}

function messagePath(id: string): string {
  return `/api/messages/${encodeURIComponent(id)}`;
}
