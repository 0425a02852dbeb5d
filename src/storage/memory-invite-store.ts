import type { Invite, InviteStore } from "../chat/invites.ts";
import { compare } from "./memory-conversation.ts";
import { unavailable } from "./sqlite-errors.ts";

export class MemoryInviteStore implements InviteStore {
  readonly #kept = new Map<string, Invite>();
  #isClosed = false;

  async put(invite: Invite): Promise<void> {
    this.#expectOpen();
    if (!this.#kept.has(invite.code)) this.#kept.set(invite.code, { ...invite });
  }

  async remove(code: string): Promise<void> {
    this.#expectOpen();
    this.#kept.delete(code);
  }

  byCode(code: string): Invite | null {
    this.#expectOpen();
    return this.#kept.get(code) ?? null;
  }

  ofConversation(conversationId: string): Invite[] {
    this.#expectOpen();
    return [...this.#kept.values()]
      .filter((invite) => invite.conversationId === conversationId)
      .sort((a, b) => a.createdMs - b.createdMs || (a.code < b.code ? -1 : 1));
  }

  madeBy(creatorId: string, after: string | null, limit: number): Invite[] {
    this.#expectOpen();
    return [...this.#kept.values()]
      .filter((invite) => invite.creatorId === creatorId && invite.code > (after ?? ""))
      .sort((a, b) => compare(a.code, b.code))
      .slice(0, Math.max(limit, 0));
  }

  removeOf(creatorId: string): void {
    for (const { code, creatorId: maker } of this.#kept.values()) {
      if (maker === creatorId) this.#kept.delete(code);
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  #expectOpen(): void {
    if (this.#isClosed) throw unavailable("the store is closed");
  }
}
