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
}

/** What the runtime unpacks. */
const PICTURES = ["image/jpeg", "image/png", "image/webp", "image/gif"];
const QUALITY = 75;

/** Small pictures of pictures, made one after the other, on a thread of the runtime's. */
export class Thumbnails {
  readonly #options: ThumbnailOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ThumbnailOptions) {
    this.#options = options;
  }

  /**
   * Writes the thumbnail, as WebP, to `target`; nothing of what the picture's file tells of the camera
   * or the place goes with it. null: it is no picture, or a broken one.
   */
  make(path: string, type: string, target: string): Promise<Picture | null> {
    if (!PICTURES.includes(type)) return Promise.resolve(null);
    const made = this.#last.then(() => this.#make(path, target));
    this.#last = made;
    return made;
  }

  async #make(path: string, target: string): Promise<Picture | null> {
    const { pixels, imagePixels } = this.#options;
    // Of its head alone.
    const size = await new Bun.Image(path).metadata().catch(() => null);
    if (size === null) return null;
    const { width, height } = size;
    try {
      // Which looks at the head, too, before it takes memory.
      await new Bun.Image(path, { maxPixels: imagePixels })
        .resize(pixels, pixels, { fit: "inside", withoutEnlargement: true })
        .webp({ quality: QUALITY })
        .write(target);
      return { width, height, hasThumbnail: true };
    } catch {
      return { width, height, hasThumbnail: false };
    }
  }
}
