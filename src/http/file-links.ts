import { signedValue, signValue } from "../auth/signed-value.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

/** What is there of an attachment. */
export type Variant = "original" | "thumbnail";

export interface FileLink {
  readonly id: string;
  readonly variant: Variant;
  /** Epoch seconds. */
  readonly expires: number;
  readonly signature: string;
}

export interface FileLinksOptions {
  /** Asked for when the first link is made, or shown. */
  readonly secret: () => string;
  /** How long a link holds. */
  readonly linkMs: number;
  readonly clock: Clock;
}

/** Links by which whoever has them may have a file, until they expire. */
export class FileLinks {
  readonly #options: FileLinksOptions;
  #secret: string | null = null;

  constructor(options: FileLinksOptions) {
    this.#options = options;
  }

  /**
   * When a link that is made now expires, in epoch seconds: within a second after `goneMs`, the file's
   * end in epoch milliseconds, at the latest. null: no end of it is known.
   */
  expiry(goneMs: number | null): number {
    const { clock, linkMs } = this.#options;
    return Math.ceil(Math.min(clock.now() + linkMs, goneMs ?? Number.POSITIVE_INFINITY) / 1_000);
  }

  /** The path and query of the link. */
  link(id: string, variant: Variant, expires: number): string {
    const signed = signValue(signedTextOf({ id, variant, expires }), this.#theSecret());
    const signature = signed.slice(signed.lastIndexOf(".") + 1);
    const query = new URLSearchParams({ variant, expires: `${expires}`, signature });
    return `/files/${id}?${query}`;
  }

  /** Seconds that the link still holds. Throws LINK_REFUSED. */
  assertHolds(link: FileLink): number {
    const { clock } = this.#options;
    if (signedValue(`${signedTextOf(link)}.${link.signature}`, [this.#theSecret()]) === null) {
      throw new AppError("LINK_REFUSED", "This is no link of the server's");
    }
    const seconds = Math.floor(link.expires - clock.now() / 1_000);
    if (seconds < 0) throw new AppError("LINK_REFUSED", "The link has expired");
    return seconds;
  }

  #theSecret(): string {
    this.#secret ??= this.#options.secret();
    return this.#secret;
  }
}

function signedTextOf({ id, variant, expires }: Omit<FileLink, "signature">): string {
  return `file/${id}/${variant}/${expires}`;
}
