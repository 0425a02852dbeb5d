import { type Attachment, type AttachmentStore, idsOf } from "../chat/attachments.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { isFree } from "./conflicts.ts";
import { compare } from "./memory-conversation.ts";
import { unavailable } from "./sqlite-errors.ts";

export class MemoryAttachmentStore implements AttachmentStore {
  readonly #kept = new Map<string, Attachment>();
  #isClosed = false;

  async put(attachment: Attachment): Promise<void> {
    this.#expectOpen();
    if (!this.#kept.has(attachment.id)) this.#kept.set(attachment.id, { ...attachment });
  }

  byIds(ids: readonly string[]): Attachment[] {
    this.#expectOpen();
    return [...new Set(ids)].flatMap((id) => this.#kept.get(id) ?? []);
  }

  bytesOf(uploaderId: string): number {
    this.#expectOpen();
    return [...this.#kept.values()]
      .filter((attachment) => attachment.uploaderId === uploaderId)
      .reduce((bytes, { size }) => bytes + size, 0);
  }

  unsentOf(uploaderId: string, after: string | null, limit: number): Attachment[] {
    this.#expectOpen();
    return [...this.#kept.values()]
      .filter(({ messageId, removeMs }) => messageId === null && removeMs !== 0)
      .filter((attachment) => attachment.uploaderId === uploaderId && attachment.id > (after ?? ""))
      .sort((a, b) => compare(a.id, b.id))
      .slice(0, Math.max(limit, 0));
  }

  due(nowMs: number, limit: number): Attachment[] {
    this.#expectOpen();
    const dueMs = ({ removeMs }: Attachment) => removeMs ?? Number.POSITIVE_INFINITY;
    return [...this.#kept.values()]
      .filter((attachment) => dueMs(attachment) <= nowMs)
      .sort((a, b) => dueMs(a) - dueMs(b))
      .slice(0, Math.max(limit, 0));
  }

  async discard(ids: readonly string[]): Promise<void> {
    this.#expectOpen();
    for (const attachment of this.byIds(ids)) {
      if (attachment.messageId === null) this.#remove(attachment);
    }
  }

  /** For the removal of users. */
  discardOf(uploaderId: string): void {
    for (const attachment of this.#kept.values()) {
      if (attachment.uploaderId === uploaderId && attachment.messageId === null) {
        this.#remove(attachment);
      }
    }
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#expectOpen();
    for (const { id, removeMs } of this.byIds(ids)) if (removeMs === 0) this.#kept.delete(id);
  }

  /** For the store of messages: whether a message of the sender's may have it. */
  isFree(id: string, senderId: string): boolean {
    const attachment = this.#kept.get(id);
    return attachment !== undefined && isFree(attachment, senderId);
  }

  /** For the store of messages: its attachments, which are free, are its own. */
  bind(message: StoredMessage): void {
    for (const attachment of this.byIds(idsOf(message))) {
      this.#kept.set(attachment.id, { ...attachment, messageId: message.id, removeMs: null });
    }
  }

  /** For the store of messages. */
  messageGone(messageId: string): void {
    for (const attachment of this.#kept.values()) {
      if (attachment.messageId === messageId) this.#remove(attachment);
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  #remove(attachment: Attachment): void {
    this.#kept.set(attachment.id, { ...attachment, removeMs: 0 });
  }

  #expectOpen(): void {
    if (this.#isClosed) throw unavailable("the store is closed");
  }
}
