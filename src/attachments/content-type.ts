import { fileTypeFromBuffer } from "file-type";
import { AppError } from "../errors.ts";

/** Formats show themselves in as many bytes of their beginning. */
const HEAD_BYTES = 4_100;
const PLAIN_TEXT = "text/plain";
/** Beside tabulator and line ends, no text has them. */
const CONTROLS = /[\0-\x08\x0b\x0e-\x1f\x7f]/;

/**
 * What a file is, by what is in it. It is fed the file as that comes, and throws ATTACHMENT_TYPE_REFUSED
 * as soon as it is seen to be of no type that is allowed.
 */
export class ContentType {
  readonly #allowed: readonly string[];
  #head: Uint8Array[] = [];
  #headBytes = 0;
  #type: string | null = null;
  /** Of what may be text; it throws for what is not. */
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  /** @param allowed media types, or all of a kind: `image/*` */
  constructor(allowed: readonly string[]) {
    this.#allowed = allowed;
  }

  async feed(chunk: Uint8Array): Promise<void> {
    if (this.#type === PLAIN_TEXT) this.#assertText(chunk, false);
    if (this.#type !== null) return;
    this.#head.push(chunk);
    this.#headBytes += chunk.length;
    if (this.#headBytes >= HEAD_BYTES) await this.#identify();
  }

  /** Of all that came. */
  async end(): Promise<string> {
    if (this.#type === null) await this.#identify();
    if (this.#type === PLAIN_TEXT) this.#assertText(new Uint8Array(), true);
    return this.#type ?? PLAIN_TEXT;
  }

  async #identify(): Promise<void> {
    const head = Buffer.concat(this.#head);
    this.#head = [];
    // A library that stumbles over the file has not recognised it.
    const found = await fileTypeFromBuffer(head.subarray(0, HEAD_BYTES)).catch(() => undefined);
    const [type = PLAIN_TEXT] = found === undefined ? [] : found.mime.split(";");
    if (head.length === 0) throw refused("it is empty");
    if (!this.#allowed.some((pattern) => isOfType(type, pattern))) throw refused(`it is ${type}`);
    this.#type = type;
    if (type === PLAIN_TEXT) this.#assertText(head, false);
  }

  #assertText(bytes: Uint8Array, isEnd: boolean): void {
    let text: string;
    try {
      text = this.#decoder.decode(bytes, { stream: !isEnd });
    } catch (cause) {
      throw refused("it is neither of a known format nor text in UTF-8", cause);
    }
    if (CONTROLS.test(text)) throw refused("it is of no known format");
  }
}

function isOfType(type: string, pattern: string): boolean {
  return pattern.endsWith("/*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}

function refused(why: string, cause?: unknown): AppError {
  return new AppError("ATTACHMENT_TYPE_REFUSED", `The file is not taken: ${why}`, { cause });
}
