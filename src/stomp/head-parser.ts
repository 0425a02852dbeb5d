import { AppError } from "../errors.ts";
import { unescapeHeader } from "./escaping.ts";
import type { StompVersion } from "./version.ts";

export interface HeadLimits {
  readonly maxHeaders: number;
  readonly maxHeaderLineBytes: number;
}

const LONGEST_COMMAND = 16;

/** Collects command and headers of one frame, line by line. */
export class HeadParser {
  command = "";
  headers: string[] = [];

  constructor(readonly limits: HeadLimits) {}

  reset(): void {
    this.command = "";
    this.headers = [];
  }

  /**
   * Takes a line without its end. True when it was the empty one, so that the head is whole.
   * Throws MALFORMED_FRAME, HEADER_LIMIT_EXCEEDED.
   */
  take(line: string, version: StompVersion | null): boolean {
    // CR LF ends lines in STOMP 1.2 only; in a CONNECT, whose version is not settled, as well.
    const allowsCr = version === "1.2" || version === null;
    const text = allowsCr && line.endsWith("\r") ? line.slice(0, -1) : line;
    if (this.command === "") {
      if (!/^[A-Z]{1,16}$/.test(text)) throw malformed("The first line is no command");
      this.command = text;
      return false;
    }
    if (text === "") return true;
    this.#takeHeader(text, version);
    return false;
  }

  /** Refuses the beginning of a line that cannot become a good one. */
  checkPartial(line: string): void {
    if (this.command === "" && line.length > LONGEST_COMMAND + 1) {
      throw malformed("The first line is no command");
    }
    this.#checkLength(line);
    if (line.includes("\0")) throw malformed("The frame ends before its headers do");
  }

  #takeHeader(line: string, version: StompVersion | null): void {
    this.#checkLength(line);
    if (this.headers.length >= 2 * this.limits.maxHeaders) {
      const text = `A frame may have ${this.limits.maxHeaders} headers`;
      throw new AppError("HEADER_LIMIT_EXCEEDED", text);
    }
    const colon = line.indexOf(":");
    if (colon <= 0) throw malformed("A header line has no name or no colon");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    if (version === "1.0") {
      this.headers.push(name.trim(), value.trim()); // Padding became part of the value in 1.1.
    } else if (version === null || this.command === "CONNECT" || this.command === "STOMP") {
      this.headers.push(name, value); // [STOMP 1.2 §Value Encoding] not these, for 1.0's sake.
    } else {
      this.headers.push(unescapeHeader(version, name), unescapeHeader(version, value));
    }
  }

  #checkLength(line: string): void {
    const limit = this.limits.maxHeaderLineBytes;
    // An UTF-16 unit is three octets at most, so only long lines need counting.
    if (3 * line.length > limit && Buffer.byteLength(line) > limit) {
      throw new AppError("HEADER_LIMIT_EXCEEDED", `A header line may have ${limit} bytes`);
    }
  }
}

export function malformed(message: string): AppError {
  return new AppError("MALFORMED_FRAME", message);
}
