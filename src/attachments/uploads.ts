import { type Actor, SYSTEM } from "../chat/actor.ts";
import type { Attachment, AttachmentStore } from "../chat/attachments.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { TokenBuckets } from "../token-buckets.ts";
import { type BlobStore, keyOf, thumbnailKeyOf } from "./blob-store.ts";
import { ContentType } from "./content-type.ts";
import type { IncomingFiles } from "./incoming-files.ts";
import type { Thumbnails } from "./thumbnails.ts";

export interface UploadsOptions {
  readonly store: AttachmentStore;
  readonly blobs: BlobStore;
  readonly incoming: IncomingFiles;
  readonly thumbnails: Thumbnails;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Of each user. */
  readonly rate: TokenBuckets;
  /** See ContentType. */
  readonly types: readonly string[];
  readonly maxBytes: number;
  /** What the files of a user may take together; 0: no limit. */
  readonly userBytes: number;
  /** What is left free where the files come in; 0: nothing need be. */
  readonly minFreeBytes: number;
  /** At a time, of all users. */
  readonly uploads: number;
  /** How long one may take. */
  readonly uploadMs: number;
  /** How long a file may be in no message. */
  readonly unsentMs: number;
}

export interface Upload {
  readonly name: string;
  /** As its sender says, who cannot send more; null: they do not say. */
  readonly bytes: number | null;
  readonly body: ReadableStream<Uint8Array> | null;
}

const RETRY_MS = 1_000;
/** Of a user, at a time. */
const SHARE_OF_USER = 1 / 8;

/** Files as they come: looked at, measured, and kept. */
export class Uploads {
  readonly #options: UploadsOptions;
  /** What those under way may take, by user. */
  readonly #underWay = new Map<string, { count: number; bytes: number }>();
  #count = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the file is on disk, or where it is kept. Rejects with RATE_LIMITED, SERVER_FULL,
   * ATTACHMENT_TOO_LARGE, ATTACHMENT_TYPE_REFUSED, ATTACHMENT_QUOTA_EXCEEDED, UPLOAD_INCOMPLETE and
   * STORAGE_UNAVAILABLE, and has then kept nothing.
   */
  async receive(uploader: Actor, upload: Upload): Promise<Attachment> {
    const { userId } = uploader;
    const { rate, maxBytes } = this.#options;
    const bytes = upload.bytes ?? maxBytes;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    if (uploader !== SYSTEM) rate.spend(userId, "files");
    this.#enter(uploader, bytes);
    try {
      await this.#assertRoom(uploader, bytes);
      return await this.#keep(userId, upload);
    } finally {
      this.#leave(userId, bytes);
    }
  }

  /** Of all that is said before the file comes, whether it may. */
  async #assertRoom(uploader: Actor, bytes: number): Promise<void> {
    const { store, incoming, userBytes, minFreeBytes } = this.#options;
    const under = this.#underWay.get(uploader.userId)?.bytes ?? 0;
    const taken = userBytes === 0 ? 0 : await store.bytesOf(uploader.userId);
    if (uploader !== SYSTEM && userBytes !== 0 && taken + under > userBytes) {
      const text = `Files of a user take at most ${userBytes} bytes together`;
      throw new AppError("ATTACHMENT_QUOTA_EXCEEDED", text);
    }
    if (minFreeBytes === 0 || (await incoming.room()) - bytes >= minFreeBytes) return;
    throw new AppError("STORAGE_UNAVAILABLE", "There is no room for files; send it again later");
  }

  async #keep(uploaderId: string, { name, body }: Upload): Promise<Attachment> {
    const { store, blobs, incoming, thumbnails, clock, newId, unsentMs } = this.#options;
    const id = newId();
    const small = `${id}.thumbnail`;
    try {
      const content = new Content(this.#options.types, this.#options.maxBytes);
      await incoming.write(id, this.#inTime(body, content));
      const type = await content.type();
      const picture = await thumbnails.make(incoming.pathOf(id), type, incoming.pathOf(small));
      const createdMs = clock.now();
      const attachment = {
        ...{ id, uploaderId, messageId: null, name, type, size: content.bytes, createdMs },
        ...(picture ?? { width: null, height: null, hasThumbnail: false }),
        removeMs: createdMs + unsentMs,
      };
      // Before its contents: what a crash leaves of these goes with it, when its time has come.
      await store.put(attachment);
      try {
        if (attachment.hasThumbnail) await blobs.put(thumbnailKeyOf(id), incoming.pathOf(small));
        await blobs.put(keyOf(id), incoming.pathOf(id));
      } catch (fault) {
        // Where that fails too, it goes in its time.
        await store.discard([id]).catch(() => {});
        throw fault;
      }
      return attachment;
    } finally {
      await incoming.remove(id);
      await incoming.remove(small);
    }
  }

  async *#inTime(body: ReadableStream<Uint8Array> | null, content: Content) {
    if (body === null) return;
    const { clock, uploadMs } = this.#options;
    const reader = body.getReader();
    let isLate = false;
    const timer = clock.schedule(uploadMs, () => {
      isLate = true;
      reader.cancel().catch(() => {}); // It was broken already.
    });
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((cause: unknown) => {
          throw incomplete(cause);
        });
        if (isLate) throw incomplete();
        if (done) return;
        await content.add(value);
        yield value;
      }
    } finally {
      timer.cancel();
      // Of a file that is refused, no more is read.
      reader.cancel().catch(() => {});
    }
  }

  #enter({ userId }: Actor, bytes: number): void {
    const { uploads } = this.#options;
    const ofUser = this.#underWay.get(userId) ?? { count: 0, bytes: 0 };
    const details = { retryAfterMs: RETRY_MS };
    if (this.#count >= uploads) {
      throw new AppError("SERVER_FULL", "Too many files come in", { details });
    }
    if (userId !== SYSTEM.userId && ofUser.count >= Math.ceil(SHARE_OF_USER * uploads)) {
      throw new AppError("RATE_LIMITED", "Too many files of this user come in", { details });
    }
    this.#count += 1;
    ofUser.count += 1;
    ofUser.bytes += bytes;
    this.#underWay.set(userId, ofUser);
  }

  #leave(userId: string, bytes: number): void {
    const ofUser = this.#underWay.get(userId);
    this.#count -= 1;
    if (ofUser === undefined) return;
    ofUser.count -= 1;
    ofUser.bytes -= bytes;
    if (ofUser.count === 0) this.#underWay.delete(userId);
  }
}

/** A file's content, as it comes. */
class Content {
  bytes = 0;
  readonly #type: ContentType;
  readonly #maxBytes: number;

  constructor(types: readonly string[], maxBytes: number) {
    this.#type = new ContentType(types);
    this.#maxBytes = maxBytes;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.bytes += chunk.length;
    if (this.bytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
    await this.#type.feed(chunk);
  }

  type(): Promise<string> {
    return this.#type.end();
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("ATTACHMENT_TOO_LARGE", `A file has at most ${maxBytes} bytes`);
}

function incomplete(cause?: unknown): AppError {
  return new AppError("UPLOAD_INCOMPLETE", "The file did not come whole, or not in time", {
    cause,
  });
}
