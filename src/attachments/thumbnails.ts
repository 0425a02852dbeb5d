import type { Clock } from "../clock.ts";

/** A picture as it is looked at: turned as its camera says. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly hasThumbnail: boolean;
}

export interface ThumbnailOptions {
  /** Of the longer side, at most. */
  readonly pixels: number;
  /** A picture with more is not unpacked: each takes four bytes of memory. */
  readonly imagePixels: number;
  readonly clock: Clock;
}

export interface PictureFile {
  readonly path: string;
  /** As its content says. */
  readonly type: string;
  /** Were it a JPEG, see JpegScans. */
  readonly scans: number;
}

/** What the runtime unpacks. */
const PICTURES = ["image/jpeg", "image/png", "image/webp", "image/gif"];
const QUALITY = 75;
/** The largest picture may have as many, a smaller one more: encoders make a dozen. */
const SCANS = 16;
/** For the pictures before it. */
const WAIT_MS = 5_000;

/** Small pictures of pictures, made one after the other, on a thread of the runtime's. */
export class Thumbnails {
  readonly #options: ThumbnailOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: ThumbnailOptions) {
    this.#options = options;
  }

  /**
   * Writes the thumbnail, as WebP, to `target`; nothing of what the picture's file tells of the camera
   * or the place goes with it. null: it is no picture, or a broken one.
   */
  async make({ path, type, scans }: PictureFile, target: string): Promise<Picture | null> {
    if (!PICTURES.includes(type)) return null;
    // Of its head alone.
    const size = await new Bun.Image(path).metadata().catch(() => null);
    if (size === null) return null;
    const { width, height } = size;
    const isLong =
      type === "image/jpeg" && scans * width * height > SCANS * this.#options.imagePixels;
    const hasThumbnail = !isLong && (await this.#inTurn(() => this.#draw(path, target)));
    return { width, height, hasThumbnail };
  }

  /** False where its turn does not come in time. */
  #inTurn(draw: () => Promise<boolean>): Promise<boolean> {
    return new Promise((resolve) => {
      let isGivenUp = false;
      const timer = this.#options.clock.schedule(WAIT_MS, () => {
        isGivenUp = true;
        resolve(false);
      });
      this.#last = this.#last.then(async () => {
        timer.cancel();
        if (!isGivenUp) resolve(await draw());
      });
    });
  }

  async #draw(path: string, target: string): Promise<boolean> {
    const { pixels, imagePixels } = this.#options;
    try {
      // Which looks at the head, too, before it takes memory.
      await new Bun.Image(path, { maxPixels: imagePixels })
        .resize(pixels, pixels, { fit: "inside", withoutEnlargement: true })
        .webp({ quality: QUALITY })
        .write(target);
      return true;
    } catch {
      return false;
    }
  }
}
