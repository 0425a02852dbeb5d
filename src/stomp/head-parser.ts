import { AppError } from "../errors.ts";
import { unescapeHeader } from "./escaping.ts";
import { headerOf } from "./frame.ts";
import type { StompVersion } from "./version.ts";

export interface HeadLimits {
  readonly maxHeaders: number;
  /** Of a line without its LF, in octets. */
  readonly maxHeaderLineBytes: number;
}

const CR = 13;
const COMMAND = /^[A-Z]{1,16}$/;
const COMMAND_BEGINNING = /^[A-Z]{0,16}\r?$/;

/** Between two frames; nothing is ever added to it. */
const NO_HEADERS: string[] = [];

/** Collects command and headers of one frame, line by line. */
export class HeadParser {
  command = "";
  headers = NO_HEADERS;
  /** The empty line has come. */
  isWhole = false;
  /** Whose rules hold for the frame. Settled when the head is whole. */
  version: StompVersion | null = null;
  readonly #maxHeaders: number;
  readonly #maxHeaderLineBytes: number;

  constructor({ maxHeaders, maxHeaderLineBytes }: HeadLimits) {
    this.#maxHeaders = maxHeaders;
    this.#maxHeaderLineBytes = maxHeaderLineBytes;
  }

  /** A frame begins. */
  begin(): void {
    this.command = "";
    this.headers = [];
    this.isWhole = false;
  }

  /** Lets go of the frame: its headers keep alive the message that they came in. */
  clear(): void {
    this.command = "";
    this.headers = NO_HEADERS;
    this.isWhole = false;
  }

  /**
   * Takes the lines that begin at `from` and end in `text`, up to the empty one; returns where they
   * end. Throws MALFORMED_FRAME, HEADER_LIMIT_EXCEEDED.
   */
  take(text: string, from: number, version: StompVersion | null): number {
    let at = from;
    while (!this.isWhole) {
      const end = text.indexOf("\n", at);
      if (end === -1) break;
      this.#takeLine(text, at, end, version);
      at = end + 1;
    }
    refuseStrayOctets(text.slice(from, at), version);
    return at;
  }

  /**
   * Refuses the beginning of a line that cannot become a good one. `piece` is what came last of it.
   * Throws MALFORMED_FRAME, HEADER_LIMIT_EXCEEDED.
   */
  checkUnfinished(piece: string, lineOctets: number): void {
    if (this.command === "" && (lineOctets > 17 || !COMMAND_BEGINNING.test(piece))) {
      throw malformed("The first line is no command");
    }
    if (lineOctets > this.#maxHeaderLineBytes) throw this.#lineTooLong();
    if (piece.includes("\0")) throw malformed("The frame ends before its headers do");
  }

  #takeLine(text: string, from: number, lf: number, version: StompVersion | null): void {
    const endsInCr = lf > from && text.charCodeAt(lf - 1) === CR && allowsCr(version);
    const end = endsInCr ? lf - 1 : lf;
    if (this.command === "") {
      const command = text.slice(from, end);
      if (!COMMAND.test(command)) throw malformed("The first line is no command");
      this.command = command;
    } else if (end === from) {
      this.#finish(version);
    } else {
      this.#checkLength(text, from, lf);
      this.#takeHeader(text, from, end, version);
    }
  }

  #takeHeader(text: string, from: number, end: number, version: StompVersion | null): void {
    const maxHeaders = this.#maxHeaders;
    if (this.headers.length >= 2 * maxHeaders) {
      throw new AppError("HEADER_LIMIT_EXCEEDED", `A frame may have ${maxHeaders} headers`);
    }
    const colon = text.indexOf(":", from);
    if (colon <= from || colon >= end) throw malformed("A header line has no name or no colon");
    const name = text.slice(from, colon);
    const value = text.slice(colon + 1, end);
    if (version === null || isNeverEscaped(this.command)) this.headers.push(name, value);
    else this.headers.push(unescapeHeader(version, name), unescapeHeader(version, value));
  }

  #finish(version: StompVersion | null): void {
    this.isWhole = true;
    // A CONNECT that offers no version is one of 1.0 [STOMP 1.2 §Protocol Negotiation].
    const isOldConnect = version === null && headerOf(this.headers, "accept-version") === undefined;
    this.version = isOldConnect ? "1.0" : version;
    // 1.0 pads its headers (`login: <username>`); since 1.1 the padding is part of the value.
    if (this.version === "1.0") this.headers = this.headers.map((text) => text.trim());
  }

  #checkLength(text: string, from: number, end: number): void {
    const limit = this.#maxHeaderLineBytes;
    // An UTF-16 unit is three octets at most, so only long lines need counting.
    if (3 * (end - from) <= limit) return;
    if (Buffer.byteLength(text.slice(from, end)) > limit) throw this.#lineTooLong();
  }

  #lineTooLong(): AppError {
    const limit = this.#maxHeaderLineBytes;
    return new AppError("HEADER_LIMIT_EXCEEDED", `A header line may have ${limit} bytes`);
  }
}

export function malformed(message: string): AppError {
  return new AppError("MALFORMED_FRAME", message);
}

/** CR LF ends lines in 1.2 [STOMP 1.2 §Augmented BNF]; in a CONNECT, whose version is open, as well. */
export function allowsCr(version: StompVersion | null): boolean {
  return version === "1.2" || version === null;
}

/** [STOMP 1.2 §Value Encoding] For the sake of 1.0, which knows no escapes. */
export function isNeverEscaped(command: string): boolean {
  return command === "CONNECT" || command === "STOMP" || command === "CONNECTED";
}

function refuseStrayOctets(lines: string, version: StompVersion | null): void {
  if (lines.includes("\0")) throw malformed("The frame ends before its headers do");
  // [STOMP 1.2 §Augmented BNF] 1.1 allows a CR within a header.
  if (lines.includes("\r") && allowsCr(version) && /\r[^\n]/.test(lines)) {
    throw malformed("A header has a CR that does not end its line");
  }
}
