import { AppError } from "../errors.ts";
import type { StompVersion } from "./version.ts";

/**
 * A header value as it is written [STOMP 1.2 §Value Encoding]. 1.0 has no escapes, and 1.1 none for
 * CR: there, what would end the line or the frame is left out, so that nothing can be injected.
 */
export function escapeHeader(version: StompVersion, text: string): string {
  if (!/[\\\n\r:\0]/.test(text)) return text;
  switch (version) {
    case "1.2":
      return text.replace(/[\\\n\r:\0]/g, (character) => ESCAPED[character] ?? "");
    case "1.1":
      return text.replace(/[\\\n\r:\0]/g, (character) =>
        character === "\r" ? "" : (ESCAPED[character] ?? ""),
      );
    case "1.0":
      return text.replace(/[\n\r\0]/g, "");
  }
}

/**
 * A header name as it is written; null when the version cannot say it. Leaving characters out, as
 * of a value, could make another name of it: `content-length` of `content-length\r`.
 */
export function escapeHeaderName(version: StompVersion, name: string): string | null {
  if (!/[\\\s:\0]|^$/.test(name)) return name;
  return UNSAYABLE_NAME[version].test(name) ? null : escapeHeader(version, name);
}

/** Throws MALFORMED_FRAME for an escape that the version does not define. */
export function unescapeHeader(version: StompVersion, text: string): string {
  if (version === "1.0" || !text.includes("\\")) return text;
  return text.replace(/\\[\s\S]?/g, (sequence) => {
    const character = UNESCAPED[sequence];
    if (character === undefined || (character === "\r" && version === "1.1")) {
      throw new AppError(
        "MALFORMED_FRAME",
        `STOMP ${version} has no header escape ${JSON.stringify(sequence)}`,
      );
    }
    return character;
  });
}

const ESCAPED: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  ":": "\\c",
};
const UNESCAPED: Readonly<Record<string, string>> = {
  "\\\\": "\\",
  "\\n": "\n",
  "\\r": "\r",
  "\\c": ":",
};
/** 1.0 readers trim, and end the name at the first colon. */
const UNSAYABLE_NAME: Readonly<Record<StompVersion, RegExp>> = {
  "1.0": /[\n\r\0:]|^\s|\s$|^$/,
  "1.1": /[\r\0]|^$/,
  "1.2": /\0|^$/,
};
