import type { Draft } from "./conversation.ts";
import { readAttachment } from "./wire-files.ts";

/**
 * What was written and not yet confirmed, kept over reloads. One entry is one key of the storage:
 * tabs of one user share it, and two that write at once lose nothing.
 */
export class Outbox {
  readonly #prefix: string;
  readonly #storage: Storage;

  constructor(storage: Storage, userId: string) {
    this.#storage = storage;
    this.#prefix = `parley.outbox.${userId}/`;
  }

  /** In the order of their writing. */
  drafts(): Draft[] {
    return Object.keys(this.#storage)
      .filter((key) => key.startsWith(this.#prefix))
      .flatMap((key) => readDraft(this.#storage.getItem(key)))
      .sort((one, other) => one.composedAtMs - other.composedAtMs);
  }

  /** false: the browser has no room for it; it lives as long as the page. */
  add(draft: Draft): boolean {
    try {
      this.#storage.setItem(this.#prefix + draft.clientMessageId, JSON.stringify(draft));
      return true;
    } catch {
      return false; // QuotaExceededError, the only one that setItem throws.
    }
  }

  remove(clientMessageId: string): void {
    this.#storage.removeItem(this.#prefix + clientMessageId);
  }
}

function readDraft(stored: string | null): Draft[] {
  const value: unknown = stored === null ? null : JSON.parse(stored);
  if (typeof value !== "object" || value === null) return [];
  if (!("clientMessageId" in value && "conversationId" in value && "content" in value)) return [];
  if (!("recipientId" in value && "composedAtMs" in value)) return [];
  const { clientMessageId, conversationId, recipientId, content, composedAtMs } = value;
  if (typeof clientMessageId !== "string" || typeof conversationId !== "string") return [];
  if (recipientId !== null && typeof recipientId !== "string") return [];
  if (typeof content !== "string" || typeof composedAtMs !== "number") return [];
  const replyTo = "replyTo" in value && typeof value.replyTo === "string" ? value.replyTo : null;
  const mentions = listIn(value, "mentions").filter((userId) => typeof userId === "string");
  const attachments = listIn(value, "attachments").map(readAttachment);
  const written = { conversationId, recipientId, content, replyTo, mentions, attachments };
  return [{ ...written, clientMessageId, composedAtMs }];
}

function listIn(value: object, name: string): readonly unknown[] {
  const list: unknown = Reflect.get(value, name);
  return Array.isArray(list) ? list : [];
}
