import { LinkifyIt } from "linkify-it";
import { plainText } from "./plain-text.ts";

export type TextPart = string | Link;

export interface Link {
  /** Where in the text it begins. */
  readonly start: number;
  /** As it was written. */
  readonly text: string;
  /** http, https or mailto. */
  readonly href: string;
  /** The host in ASCII where the text shows it in another way; null: it is as it looks. */
  readonly host: string | null;
  /** The host is written so that it may be taken for another one. */
  readonly isDoubtful: boolean;
}

const SAFE_PROTOCOLS: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);

/** Scripts with letters that look like Latin ones. */
const LOOKALIKE = /[\p{sc=Cyrillic}\p{sc=Greek}\p{sc=Armenian}\p{sc=Cherokee}\p{sc=Coptic}]/u;
const LATIN = /\p{sc=Latin}/u;
/** Letters that are no Latin ones, of a script of their own. */
const OTHER_LETTER = /(?=\p{L})[^\p{sc=Latin}\p{sc=Common}\p{sc=Inherited}]/u;

const linkify = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: true, fuzzyIP: false })
  .add("ftp:", null)
  .add("//", null);

/**
 * A message's text in parts, which together are the text: what can be followed safely is a link. An
 * address that names a user before its host is none, whatever it looks like.
 */
export function textParts(content: string): TextPart[] {
  const text = plainText(content);
  const parts: TextPart[] = [];
  let end = 0;
  for (const { index, lastIndex, raw, url } of linkify.match(text) ?? []) {
    const link = namesUser(text, lastIndex) ? null : safeLink(raw, url, index);
    if (link === null) continue;
    if (index > end) parts.push(text.slice(end, index));
    parts.push(link);
    end = lastIndex;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** What follows makes a user's name of what looks like a host. */
function namesUser(text: string, end: number): boolean {
  const rest = /[^\s,;<>()]{0,256}@/y;
  rest.lastIndex = end;
  return rest.test(text);
}

/** null: it is not to be followed. */
function safeLink(text: string, address: string, start: number): Link | null {
  if (!URL.canParse(address)) return null;
  const { protocol, username, password, hostname, href } = new URL(address);
  if (!SAFE_PROTOCOLS.has(protocol) || username !== "" || password !== "") return null;
  const isMail = protocol === "mailto:";
  const written = isMail ? text.slice(text.lastIndexOf("@") + 1) : hostIn(text);
  const host = isMail ? asciiHost(written) : hostname;
  if (host === null) return null;
  const isAsItLooks = written.toLowerCase() === host;
  return {
    ...{ start, text, href },
    host: isAsItLooks ? null : host,
    isDoubtful: !isAsItLooks && isDoubtful(written),
  };
}

function hostIn(text: string): string {
  return /^(?:[a-z]+:\/\/)?([^/?#:]*)/i.exec(text)?.[1] ?? "";
}

function asciiHost(host: string): string | null {
  const address = `http://${host}`;
  return URL.canParse(address) ? new URL(address).hostname : null;
}

/** Scripts mixed in one label, or letters that look like Latin ones under a Latin top level. */
function isDoubtful(host: string): boolean {
  const labels = host.split(/[.。．｡]/);
  const isLatinTop = LATIN.test(labels.at(-1) ?? "");
  return (
    labels.some((label) => LATIN.test(label) && OTHER_LETTER.test(label)) ||
    (isLatinTop && LOOKALIKE.test(host))
  );
}
