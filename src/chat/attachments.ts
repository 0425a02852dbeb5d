import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import type { Conversations } from "./conversations.ts";
import { shownAt } from "./erased-message.ts";
import type { ChatStore } from "./ports.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** A file that was uploaded, and what is known of it. Times are epoch milliseconds. */
export interface Attachment {
  /** UUIDv7. */
  readonly id: string;
  readonly uploaderId: string;
  /** The message that it belongs to, for good; null: none yet. */
  readonly messageId: string | null;
  /** What its uploader calls it. */
  readonly name: string;
  /** As its content says, not its uploader. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** As it is looked at; null: it is no picture. */
  readonly width: number | null;
  readonly height: number | null;
  readonly hasThumbnail: boolean;
  readonly createdMs: number;
  /** When it goes unless it belongs to a message by then; 0: it has gone, but for its files; null: it stays. */
  readonly removeMs: number | null;
}

/** One that may be had. */
export interface AvailableAttachment {
  readonly attachment: Attachment;
  /** When it goes with its message, which disappears then; null: neither is known to go. */
  readonly expiresMs: number | null;
}

/**
 * Where it is kept which files there are. A message is bound to its attachments by ChatStore, in the
 * commit that holds it, and what happens to the message happens to them: `removeMs` is 0 from the
 * commit on that deletes or removes it. Writes resolve when they are durable; all of it rejects with
 * STORAGE_UNAVAILABLE.
 */
export interface AttachmentStore {
  put(attachment: Attachment): Promise<void>;
  /** Those that are there, in no particular order. */
  byIds(ids: readonly string[]): MaybePromise<Attachment[]>;
  /** What the files of a user take together, in bytes. */
  bytesOf(uploaderId: string): MaybePromise<number>;
  /** A user's that are in no message and have not gone, ascending by id, behind that one; null begins. */
  unsentOf(uploaderId: string, after: string | null, limit: number): MaybePromise<Attachment[]>;
  /** Those whose `removeMs` has come, the one first due first. */
  due(nowMs: number, limit: number): MaybePromise<Attachment[]>;
  /** Those of the ids that belong to no message have gone from now on; the others are left alone. */
  discard(ids: readonly string[]): Promise<void>;
  /** Nothing is known any more of those that have gone; the others are left alone. */
  forget(ids: readonly string[]): Promise<void>;
}

/** Of one message. */
export const MOST_ATTACHMENTS = 10;

export interface AttachmentsOptions {
  readonly attachments: AttachmentStore;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly clock: Clock;
}

/** Which message an attachment belongs to, and so who may have it. */
export class Attachments {
  readonly #options: AttachmentsOptions;
  /** By attachment, messages on their way to disk. */
  readonly #underWay = new Map<string, StoredMessage>();
  /** On their way out. */
  readonly #discarded = new Set<string>();

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /** Of messages on their way to disk. */
  get underWayCount(): number {
    return this.#underWay.size;
  }

  find(ids: readonly string[]): MaybePromise<Attachment[]> {
    return this.#options.attachments.byIds(ids);
  }

  /**
   * What a message of the sender's says of these attachments, of which `found` is known: JSON of their
   * views. Throws ATTACHMENT_NOT_FOUND, ATTACHMENT_IN_USE.
   */
  attached(sender: Actor, ids: readonly string[], found: readonly Attachment[]): string {
    const nowMs = this.#options.clock.now();
    const views = ids.map((id) => {
      const attachment = found.find((one) => one.id === id);
      if (attachment?.uploaderId !== sender.userId) throw attachmentNotFound(id);
      const { messageId, removeMs } = attachment;
      const isGone = (removeMs !== null && removeMs <= nowMs) || this.#discarded.has(id);
      if (isGone) throw attachmentNotFound(id);
      if (messageId !== null || this.#underWay.has(id)) {
        throw new AppError("ATTACHMENT_IN_USE", `The attachment ${id} is in a message already`);
      }
      return attachmentView(attachment);
    });
    return JSON.stringify(views);
  }

  /** The message, which has some, is on its way to disk. */
  taken(message: StoredMessage): void {
    for (const id of idsOf(message)) this.#underWay.set(id, message);
  }

  /** It is on disk, or will not be. */
  settled(message: StoredMessage): void {
    for (const id of idsOf(message)) {
      if (this.#underWay.get(id) === message) this.#underWay.delete(id);
    }
  }

  /**
   * For its uploader, before it is in a message, and for those who may see its message. Rejects with
   * ATTACHMENT_NOT_FOUND.
   */
  async seenBy(actor: Actor, id: string): Promise<AvailableAttachment> {
    const { attachment, message } = await this.#withMessage(id);
    const available = { attachment, expiresMs: message?.expiresMs ?? null };
    if (actor === SYSTEM) return available;
    if (message === null) {
      if (attachment.uploaderId === actor.userId) return available;
      throw attachmentNotFound(id);
    }
    const conversation = await this.#options.conversations.findAs(
      actor.userId,
      message.conversationId,
    );
    if (conversation?.isFor(actor.userId, message.seq) !== true) throw attachmentNotFound(id);
    return available;
  }

  /** For whoever may have it. Rejects with ATTACHMENT_NOT_FOUND where it has gone. */
  async there(id: string): Promise<AvailableAttachment> {
    const { attachment, message } = await this.#withMessage(id);
    return { attachment, expiresMs: message?.expiresMs ?? null };
  }

  /**
   * As it is at this moment, whether or not the disk knows yet that its time, or its message's, is
   * over. Rejects with ATTACHMENT_NOT_FOUND where it has gone.
   */
  async #withMessage(id: string): Promise<WithMessage> {
    const { store, clock } = this.#options;
    const [attachment] = await this.find([id]);
    if (attachment === undefined || attachment.removeMs === 0) throw attachmentNotFound(id);
    const { messageId, removeMs } = attachment;
    const message =
      this.#underWay.get(id) ?? (messageId === null ? null : await store.messageById(messageId));
    if (message === null) {
      const isOver = messageId !== null || (removeMs !== null && removeMs <= clock.now());
      if (isOver) throw attachmentNotFound(id);
    } else if (shownAt(clock.now(), message).deletedMs !== null) {
      throw attachmentNotFound(id);
    }
    return { attachment, message };
  }

  /** For its uploader, before it is in a message. Rejects as `attached` throws. */
  async withdraw(actor: Actor, id: string): Promise<void> {
    this.attached(actor, [id], await this.find([id]));
    await this.discard([id]);
  }

  /** Those of them that belong to no message, nor to one on its way, have gone when it resolves. */
  async discard(ids: readonly string[]): Promise<void> {
    const free = ids.filter((id) => !this.#underWay.has(id));
    for (const id of free) this.#discarded.add(id);
    try {
      await this.#options.attachments.discard(free);
    } finally {
      for (const id of free) this.#discarded.delete(id);
    }
  }
}

interface WithMessage {
  readonly attachment: Attachment;
  /** null: it is in none yet. */
  readonly message: StoredMessage | null;
}

/** As messages and the API show it. */
export function attachmentView({ id, name, type, size, width, height, hasThumbnail }: Attachment) {
  return {
    ...{ id, name, type, size },
    width: width ?? undefined,
    height: height ?? undefined,
    hasThumbnail,
  };
}

/** Of a message's attachments. */
export function idsOf({ attachments }: Pick<StoredMessage, "attachments">): string[] {
  if (attachments === null) return [];
  const views: { id: string }[] = JSON.parse(attachments);
  return views.map(({ id }) => id);
}

export function attachmentNotFound(id: string): AppError {
  return new AppError("ATTACHMENT_NOT_FOUND", `No attachment ${id} for you`);
}
