/**
 * What is a STOMP frame, written once more from the specifications, slowly and without regard to
 * how bytes arrive. It shares nothing with the server's decoder, so that each can tell of the
 * other's mistakes.
 */
export type Rules = "1.0" | "1.1" | "1.2" | null; // null: before CONNECT is answered

export interface ReferenceFrame {
  readonly command: string;
  /** Unescaped, in the order of their coming. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export interface ReferenceLimits {
  readonly frameBytes: number;
  readonly headers: number;
  readonly headerLineBytes: number;
}

/** The server's defaults. */
const LIMITS: ReferenceLimits = {
  frameBytes: 128 * 1024,
  headers: 64,
  headerLineBytes: 8 * 1024,
};

export type Reading =
  | { readonly kind: "frame"; readonly frame: ReferenceFrame; readonly rest: Buffer }
  /** `from` is where the frame that is not whole begins; nothing there is nothing begun. */
  | { readonly kind: "unfinished"; readonly rest: Buffer }
  | { readonly kind: "refused"; readonly code: string; readonly why: string };

/** The first of repeated headers counts. */
export function headerOf(frame: ReferenceFrame, name: string): string | undefined {
  return frame.headers.find(([other]) => other === name)?.[1];
}

/** The first frame of the bytes. */
export function readFrame(bytes: Buffer, rules: Rules, limits = LIMITS): Reading {
  try {
    return read(skipLineEnds(bytes, rules), rules, limits);
  } catch (fault) {
    if (fault instanceof Refusal) return { kind: "refused", code: fault.code, why: fault.message };
    throw fault;
  }
}

class Refusal extends Error {
  constructor(
    readonly code: string,
    why: string,
  ) {
    super(why);
  }
}

const malformed = (why: string) => new Refusal("MALFORMED_FRAME", why);
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** In 1.2 lines may end in CR LF; so they may in a CONNECT, whose version is not known yet. */
function knowsCr(rules: Rules): boolean {
  return rules === "1.2" || rules === null;
}

function skipLineEnds(bytes: Buffer, rules: Rules): Buffer {
  let at = 0;
  while (bytes[at] === 10 || (bytes[at] === 13 && knowsCr(rules))) at += 1;
  return bytes.subarray(at);
}

function read(bytes: Buffer, rules: Rules, limits: ReferenceLimits): Reading {
  if (bytes.length === 0) return { kind: "unfinished", rest: bytes };
  const lines = linesOfHead(bytes, rules, limits);
  if (lines === null) {
    if (bytes.length >= limits.frameBytes) throw new Refusal("FRAME_TOO_LARGE", "head too large");
    return { kind: "unfinished", rest: bytes };
  }
  const { command, bodyAt } = lines;
  const raw = lines.headers;
  const isOldConnect = rules === null && !raw.some(([name]) => name === "accept-version");
  const version = isOldConnect ? "1.0" : rules;
  const headers =
    version === "1.0" ? raw.map(([name, value]) => [name.trim(), value.trim()] as const) : raw;
  const frame = { command, headers };
  const takesBody = version === "1.0" || ["SEND", "MESSAGE", "ERROR"].includes(command);
  const announced = headers.find(([name]) => name === "content-length")?.[1].trim();
  if (announced !== undefined && !/^[0-9]+$/.test(announced)) {
    throw malformed("content-length is no number");
  }
  if (!takesBody && Number(announced ?? 0) > 0) throw malformed(`${command} announces a body`);
  const length = announced === undefined ? (takesBody ? null : 0) : Number(announced);
  const nul = length === null ? bytes.indexOf(0, bodyAt) : bodyAt + length;
  const end = nul === -1 ? bytes.length : nul;
  if (end + 1 > limits.frameBytes) throw new Refusal("FRAME_TOO_LARGE", `${end + 1} bytes`);
  if (nul === -1 || nul >= bytes.length) return { kind: "unfinished", rest: bytes };
  if (bytes[nul] !== 0) throw malformed("no NUL where the body ends");
  const body = bytes.subarray(bodyAt, nul);
  return { kind: "frame", frame: { ...frame, body }, rest: bytes.subarray(nul + 1) };
}

interface Head {
  readonly command: string;
  readonly headers: (readonly [name: string, value: string])[];
  readonly bodyAt: number;
}

/** null while the empty line has not come. */
function linesOfHead(bytes: Buffer, rules: Rules, limits: ReferenceLimits): Head | null {
  let command: string | null = null;
  const headers: (readonly [string, string])[] = [];
  let at = 0;
  for (;;) {
    const lf = bytes.indexOf(10, at);
    const line = bytes.subarray(at, lf === -1 ? bytes.length : lf);
    if (command === null && !/^[A-Z]{0,16}\r?$/.test(line.toString("latin1"))) {
      throw malformed("no command");
    }
    if (line.length > limits.headerLineBytes) {
      throw new Refusal("HEADER_LIMIT_EXCEEDED", `a line of ${line.length} bytes`);
    }
    if (line.includes(0)) throw malformed("NUL in the head");
    if (lf === -1) return null;
    at = lf + 1;
    const content = line.at(-1) === 13 && knowsCr(rules) ? line.subarray(0, -1) : line;
    if (content.includes(13) && knowsCr(rules)) throw malformed("CR within a line");
    const text = textOf(content);
    if (command === null) {
      if (!/^[A-Z]{1,16}$/.test(text)) throw malformed("no command");
      command = text;
    } else if (text === "") {
      return { command, headers, bodyAt: at };
    } else {
      if (headers.length >= limits.headers) {
        throw new Refusal("HEADER_LIMIT_EXCEEDED", "too many headers");
      }
      headers.push(headerLine(text, command, rules));
    }
  }
}

function textOf(line: Buffer): string {
  try {
    return strictUtf8.decode(line);
  } catch {
    throw malformed("a line is not UTF-8");
  }
}

function headerLine(line: string, command: string, rules: Rules): readonly [string, string] {
  const colon = line.indexOf(":");
  if (colon < 1) throw malformed("a header without name or colon");
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1);
  if (rules === null || rules === "1.0" || ["CONNECT", "STOMP", "CONNECTED"].includes(command)) {
    return [name, value];
  }
  return [unescaped(name, rules), unescaped(value, rules)];
}

function unescaped(text: string, rules: "1.1" | "1.2"): string {
  let result = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== "\\") {
      result += text[at];
      continue;
    }
    at += 1;
    if (text[at] === "\\") result += "\\";
    else if (text[at] === "n") result += "\n";
    else if (text[at] === "c") result += ":";
    else if (text[at] === "r" && rules === "1.2") result += "\r";
    else throw malformed(`the escape \\${text[at] ?? ""}`);
  }
  return result;
}
