import type { Attachment, AttachmentStore, Attachments } from "../chat/attachments.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import { type BlobStore, keyOf, thumbnailKeyOf } from "./blob-store.ts";

export interface SweeperOptions {
  readonly store: AttachmentStore;
  readonly attachments: Pick<Attachments, "discard">;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly log: Log;
  /** From the end of a run to the next one. */
  readonly intervalMs: number;
}

/** Of one run; where there are more, the next follows soon. */
const PORTION = 200;
const PAUSE_MS = 10;

/**
 * Removes the files of attachments whose message has gone, or that no message came for, and then what
 * is known of them: a run that ends anywhere is finished by a later one. It may be stopped, and
 * started again.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: Timer | null = null;
  #isStopped = false;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Runs again and again until it is stopped. */
  start(): void {
    this.#isStopped = false;
    this.#schedule(this.#options.intervalMs);
  }

  /** Resolves when the run under way, if there is one, is done. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    return this.#underWay;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.#underWay = this.#run();
    });
  }

  async #run(): Promise<void> {
    const { intervalMs, log } = this.#options;
    let isAll = true;
    try {
      isAll = await this.#portion();
    } catch (err) {
      log.warn({ err }, "Files of messages are not removed for now");
    }
    if (!this.#isStopped) this.#schedule(isAll ? intervalMs : Math.min(PAUSE_MS, intervalMs));
  }

  /** Whether nothing is left that could be removed now. */
  async #portion(): Promise<boolean> {
    const { store, attachments, clock, log } = this.#options;
    const due = await store.due(clock.now(), PORTION);
    const unsent = due.filter(({ removeMs }) => removeMs !== 0).map(({ id }) => id);
    if (unsent.length > 0) await attachments.discard(unsent);
    // Anew: one of them may have been sent at the last moment.
    const gone = unsent.length > 0 ? await store.byIds(due.map(({ id }) => id)) : due;
    const removed: string[] = [];
    for (const attachment of gone) {
      if (this.#isStopped) break;
      if (attachment.removeMs === 0 && (await this.#remove(attachment))) {
        removed.push(attachment.id);
      }
    }
    if (removed.length === 0) return true;
    await store.forget(removed);
    log.info({ removed: removed.length }, "Files of messages were removed");
    return due.length < PORTION;
  }

  /** Whether nothing is left of its files. */
  async #remove({ id, hasThumbnail }: Attachment): Promise<boolean> {
    const { blobs, log } = this.#options;
    try {
      if (hasThumbnail) await blobs.remove(thumbnailKeyOf(id));
      await blobs.remove(keyOf(id));
      return true;
    } catch (err) {
      log.warn({ err, id }, "A file of a message is not removed for now");
      return false;
    }
  }
}
