import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { BlobStore } from "../attachments/blob-store.ts";
import type { FilesFolder } from "../attachments/files-folder.ts";
import { IncomingFiles } from "../attachments/incoming-files.ts";
import { Sweeper } from "../attachments/sweeper.ts";
import { Thumbnails } from "../attachments/thumbnails.ts";
import { Uploads } from "../attachments/uploads.ts";
import { WatchedBlobStore } from "../attachments/watched-blob-store.ts";
import type { AttachmentStore, Attachments } from "../chat/attachments.ts";
import type { Chat } from "../chat/chat.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import type { Files } from "../http/attachments-api.ts";
import { FileLinks } from "../http/file-links.ts";
import { newUuid } from "../ids.ts";
import type { Log } from "../log.ts";
import type { ProcessPlace } from "../process-place.ts";
import { openFiles } from "../stores.ts";
import { TokenBuckets } from "../token-buckets.ts";
import type { Foundation } from "./foundation.ts";

export interface AttachmentServiceOptions {
  readonly settings: Settings;
  /** null: it is the only process of the server. */
  readonly place: ProcessPlace | null;
  readonly folder: FilesFolder;
  readonly blobs: BlobStore;
  readonly store: AttachmentStore;
  readonly attachments: Attachments;
  /** Throws USER_BEING_ERASED. */
  readonly assertNotErased: (userId: string) => void;
  /** Other nodes may keep their files in the same folder. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** An upload of another node that nobody has written to for so long is none any more. */
const UNTOUCHED_MS = 60 * 60 * 1_000;

/** Files of messages, from their coming to their going. */
export class AttachmentService {
  readonly files: Files;
  /** Nobody starts it but who may. */
  readonly sweeper: Sweeper;
  readonly #folder: FilesFolder;
  readonly #incoming: IncomingFiles;
  readonly #isShared: boolean;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Is called by one process before the others start: two that make the secret at once would differ. */
  readonly #makeSecret: () => void;

  constructor(options: AttachmentServiceOptions) {
    const { settings, place, folder, store, clock, log } = options;
    const { sweepMs, thumbnailPixels, imagePixels, linkMs, ...limits } = settings.attachments;
    const { perMinute } = limits;
    const incoming = new IncomingFiles(join(folder.path, "incoming"), () => folder.make());
    const blobs = new WatchedBlobStore(options.blobs, log);
    this.#incoming = incoming;
    this.#folder = folder;
    this.#isShared = options.isShared;
    this.#clock = clock;
    this.#log = log;
    const uploads = new Uploads({
      ...{ ...limits, store, blobs, incoming, clock, newId: newUuid },
      thumbnails: new Thumbnails({ pixels: thumbnailPixels, imagePixels, clock }),
      stallMs: settings.limits.requestMs,
      assertNotErased: options.assertNotErased,
      rate: new TokenBuckets(clock, { perSecond: perMinute / 60, burst: perMinute }),
    });
    const secret = () => settings.attachments.linkSecret ?? secretIn(folder, log);
    this.#makeSecret = place?.number === 1 ? secret : () => {};
    this.files = { uploads, blobs, links: new FileLinks({ secret, linkMs, clock }) };
    const { attachments } = options;
    this.sweeper = new Sweeper({
      ...{ store, attachments, blobs, clock, log, intervalMs: sweepMs },
    });
  }

  /** Before anything comes in. */
  start(): void {
    try {
      if (this.#isShared) this.#incoming.clearUntouched(this.#clock.now() - UNTOUCHED_MS);
      else this.#incoming.clear();
    } catch (err) {
      this.#log.warn({ err }, "What an interrupted upload has left is not removed");
    }
    this.#makeSecret();
  }

  async stop(): Promise<void> {
    await this.sweeper.stop();
    this.#folder.close();
  }
}

/** null: the server has no files of messages. */
export function openAttachments(
  { settings, place, storage, clock, log }: Foundation,
  chat: Chat,
  isShared: boolean,
): AttachmentService | null {
  const stored = openFiles(settings, log);
  if (stored === null) return null;
  const { attachments, erasures } = chat;
  const assertNotErased = (userId: string) => erasures.assertNone(userId);
  const parts = { settings, place, ...stored, attachments, assertNotErased, isShared, clock, log };
  return new AttachmentService({ ...parts, store: storage.attachments });
}

/** Made with the first link, so that links hold over the next starts. */
function secretIn(folder: FilesFolder, log: Log): string {
  const made = randomBytes(32).toString("hex");
  try {
    return folder.secret(made);
  } catch (err) {
    log.warn({ err }, "The secret of links to files cannot be kept: they do not outlive this run");
    return made;
  }
}
