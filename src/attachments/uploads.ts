import { type Actor, SYSTEM } from "../chat/actor.ts";
import type { Attachment, AttachmentStore } from "../chat/attachments.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { TokenBuckets } from "../token-buckets.ts";
import { type BlobStore, keyOf, thumbnailKeyOf } from "./blob-store.ts";
import { ContentType } from "./content-type.ts";
import type { IncomingFiles } from "./incoming-files.ts";
import { JpegScans } from "./jpeg-scans.ts";
import type { Thumbnails } from "./thumbnails.ts";
import { type UploadPlace, UploadPlaces } from "./upload-places.ts";

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
  /** How long nothing of one may come. */
  readonly stallMs: number;
  /** How long a file may be in no message. */
  readonly unsentMs: number;
  /** Throws USER_BEING_ERASED. */
  readonly assertNotErased: (userId: string) => void;
}

export interface Upload {
  readonly name: string;
  /** As its sender says, who cannot send more; null: they do not say. */
  readonly bytes: number | null;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Files as they come: looked at, measured, and kept. */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #places: UploadPlaces;

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#places = new UploadPlaces(options.uploads);
  }

  /**
   * Resolves when the file is on disk, or where it is kept. Rejects with RATE_LIMITED, SERVER_FULL,
   * ATTACHMENT_TOO_LARGE, ATTACHMENT_TYPE_REFUSED, ATTACHMENT_QUOTA_EXCEEDED, UPLOAD_INCOMPLETE,
   * USER_BEING_ERASED and STORAGE_UNAVAILABLE, and has then kept nothing.
   */
  async receive(uploader: Actor, upload: Upload): Promise<Attachment> {
    const { userId } = uploader;
    const { rate, maxBytes, assertNotErased } = this.#options;
    const bytes = upload.bytes ?? maxBytes;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    assertNotErased(userId);
    if (uploader !== SYSTEM) rate.spend(userId, "files");
    const place = this.#places.enter(uploader, bytes);
    try {
      await this.#assertRoom(uploader, place);
      return await this.#keep(place, upload);
    } finally {
      this.#places.leave(place);
    }
  }

  /** Resolves when none of the user's is under way; those that still come in are refused. */
  async endOf(userId: string): Promise<void> {
    const places = this.#places.of(userId);
    const reason = new AppError("USER_BEING_ERASED", "The user is being removed");
    for (const { abort } of places) abort.abort(reason);
    await Promise.all(places.map(({ left }) => left.promise));
  }

  /** Of all that is said before the file comes, whether it may. */
  async #assertRoom(uploader: Actor, place: UploadPlace): Promise<void> {
    const { store, incoming, userBytes, minFreeBytes } = this.#options;
    const { userId } = uploader;
    const under = this.#places.of(userId).reduce((sum, { bytes }) => sum + bytes, 0);
    const taken = userBytes === 0 ? 0 : await store.bytesOf(userId);
    if (uploader !== SYSTEM && userBytes !== 0 && taken + under > userBytes) {
      const text = `Files of a user take at most ${userBytes} bytes together`;
      throw new AppError("ATTACHMENT_QUOTA_EXCEEDED", text);
    }
    if (minFreeBytes === 0) return;
    // What of the others has come counts twice, which errs on the side of the disk.
    if (this.#places.letIn(place, (await incoming.room()) - minFreeBytes)) return;
    throw new AppError("STORAGE_UNAVAILABLE", "There is no room for files; send it again later");
  }

  async #keep(place: UploadPlace, { name, body }: Upload): Promise<Attachment> {
    const { store, blobs, incoming, thumbnails, clock, newId, unsentMs } = this.#options;
    const uploaderId = place.userId;
    const id = newId();
    const small = `${id}.thumbnail`;
    try {
      const content = new Content(this.#options.types, this.#options.maxBytes);
      await incoming.write(id, this.#inTime(body, content, place.abort));
      const type = await content.type();
      // Whatever its picture takes, another file may come.
      this.#places.arrived(place);
      const file = { path: incoming.pathOf(id), type, scans: content.scans };
      const picture = await thumbnails.make(file, incoming.pathOf(small));
      const createdMs = clock.now();
      const attachment = {
        ...{ id, uploaderId, messageId: null, name, type, size: content.bytes, createdMs },
        ...(picture ?? { width: null, height: null, hasThumbnail: false }),
        removeMs: createdMs + unsentMs,
      };
      this.#options.assertNotErased(uploaderId);
      place.abort.signal.throwIfAborted();
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

  async *#inTime(
    body: ReadableStream<Uint8Array> | null,
    content: Content,
    abort: AbortController,
  ) {
    if (body === null) return;
    const { clock, uploadMs, stallMs } = this.#options;
    const reader = body.getReader();
    const cancel = () => {
      reader.cancel().catch(() => {}); // It was broken already.
    };
    abort.signal.addEventListener("abort", cancel);
    const giveUp = () => abort.abort(incomplete());
    const whole = clock.schedule(uploadMs, giveUp);
    let next = clock.schedule(stallMs, giveUp);
    try {
      for (;;) {
        abort.signal.throwIfAborted();
        const { done, value } = await reader.read().catch((cause: unknown) => {
          throw incomplete(cause);
        });
        abort.signal.throwIfAborted();
        if (done) return;
        next.cancel();
        await content.add(value);
        yield value;
        next = clock.schedule(stallMs, giveUp);
      }
    } finally {
      whole.cancel();
      next.cancel();
      // Of a file that is refused, no more is read.
      cancel();
    }
  }
}

/** A file's content, as it comes. */
class Content {
  bytes = 0;
  readonly #type: ContentType;
  readonly #jpeg = new JpegScans();
  readonly #maxBytes: number;

  constructor(types: readonly string[], maxBytes: number) {
    this.#type = new ContentType(types);
    this.#maxBytes = maxBytes;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.bytes += chunk.length;
    if (this.bytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#jpeg.feed(chunk);
    await this.#type.feed(chunk);
  }

  get scans(): number {
    return this.#jpeg.count;
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
