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
import { openFiles } from "../stores.ts";
import { TokenBuckets } from "../token-buckets.ts";
import type { Foundation } from "./foundation.ts";

export interface AttachmentServiceOptions {
  readonly settings: Settings;
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
  readonly #settings: Settings["attachments"];
  readonly #secretOfFolder: () => string;

  constructor(options: AttachmentServiceOptions) {
    const { settings, folder, store, clock, log } = options;
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
    this.#settings = settings.attachments;
    let kept: string | undefined;
    this.#secretOfFolder = () => {
      kept ??= secretIn(folder, log);
      return kept;
    };
    const links = new FileLinks({ secret: () => this.#linkSecret(), linkMs, clock });
    this.files = { uploads, blobs, links };
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
  }

  /** What is the same on all nodes that share their files, and whose links to them hold on each other. */
  identity(): { readonly store: string; readonly linkSecret: string } {
    const { store, s3Endpoint, s3Bucket, s3Prefix } = this.#settings;
    return {
      // The folder's secret tells folders apart, whatever links are signed with.
      store: store === "disk" ? this.#secretOfFolder() : [s3Endpoint, s3Bucket, s3Prefix].join(" "),
      linkSecret: this.#linkSecret(),
    };
  }

  #linkSecret(): string {
    return this.#settings.linkSecret ?? this.#secretOfFolder();
  }

  async stop(): Promise<void> {
    await this.sweeper.stop();
    this.#folder.close();
  }
}

/** null: the server has no files of messages. */
export function openAttachments(
  { settings, storage, clock, log }: Foundation,
  chat: Chat,
  isShared: boolean,
): AttachmentService | null {
  const stored = openFiles(settings, log);
  if (stored === null) return null;
  const { attachments, erasures } = chat;
  const assertNotErased = (userId: string) => erasures.assertNone(userId);
  const parts = { settings, ...stored, attachments, assertNotErased, isShared, clock, log };
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
