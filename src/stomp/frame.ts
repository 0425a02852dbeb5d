import { AppError } from "../errors.ts";

/** Text that arrived as text stays text; bytes stay bytes until somebody needs them as text. */
export type Body = string | Uint8Array;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A copy of a header's text. A slice keeps the whole transport message alive that it came in, so
 * what outlives the frame is copied.
 */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}

/** A copy of a body, for the same reason. */
export function detachedBody(body: Body): Body {
  return typeof body === "string" ? detached(body) : new Uint8Array(body);
}

/** The characters or bytes of a frame, without what separates them. */
export function sizeOf({ headers, body }: Frame): number {
  let size = body.length;
  for (const text of headers) size += text.length;
  return size;
}

const NONE: ReadonlySet<string> = new Set();

/** A copy of a frame without the headers in `except`. */
export function detachedFrame(frame: Frame, except: ReadonlySet<string> = NONE): Frame {
  const headers: string[] = [];
  for (let index = 0; index + 1 < frame.headers.length; index += 2) {
    const name = frame.headers[index] ?? "";
    if (except.has(name)) continue;
    headers.push(detached(name), detached(frame.headers[index + 1] ?? ""));
  }
  return new Frame(detached(frame.command), headers, detachedBody(frame.body));
}

/** A copy of a frame's head: of its headers only those, and no body. */
export function detachedHead(frame: Frame, names: readonly string[]): Frame {
  const headers: string[] = [];
  for (const name of names) {
    const value = frame.header(name);
    if (value !== undefined) headers.push(name, detached(value));
  }
  return new Frame(detached(frame.command), headers, "");
}

/** One STOMP frame. Its body is a slice of what arrived, not a copy. */
export class Frame {
  constructor(
    readonly command: string,
    /** Flat: name, value, name, value …, unescaped, in the order of their coming. */
    readonly headers: readonly string[],
    readonly body: Body,
  ) {}

  /** The first of repeated headers counts [STOMP 1.2 §Repeated Header Entries]. */
  header(name: string): string | undefined {
    return headerOf(this.headers, name);
  }

  /** The body as text. Throws MALFORMED_FRAME when it is not UTF-8. */
  text(): string {
    if (typeof this.body === "string") return this.body;
    try {
      return utf8.decode(this.body);
    } catch (cause) {
      throw new AppError("MALFORMED_FRAME", "The body is not UTF-8", { cause });
    }
  }
}

/** The value of the first header of that name in a flat list. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === name) return headers[index + 1];
  }
  return undefined;
}
