/**
 * Text as PostgreSQL takes it: it has no NUL and no lone surrogate, and clients may send both. A NUL
 * becomes U+0001 U+0001, and U+0001 itself U+0001 U+0002, which keeps both the text and, in the byte
 * order of COLLATE "C", its place among others; a lone surrogate becomes U+FFFD, as it does in every
 * other store.
 */
const MARK = "\u0001";
const SPECIAL = /[\0\u0001]/g;
const MARKED = /\u0001([\u0001\u0002])/g;
/** In JSON: what `toPostgres` would change. A backslash may be one of the text's own, which does no harm. */
const SPECIAL_IN_JSON = /\\u(?:000[01]|d[89a-f])/;

export function toPostgres(text: string): string {
  return text
    .toWellFormed()
    .replace(SPECIAL, (special) => (special === "\0" ? `${MARK}${MARK}` : `${MARK}\u0002`));
}

export function fromPostgres(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replace(MARKED, (_, kind) => (kind === MARK ? "\0" : MARK));
}

/** As JSON, of whose texts PostgreSQL makes those that `toPostgres` makes. */
export function toPostgresJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!SPECIAL_IN_JSON.test(json)) return json;
  return JSON.stringify(value, (_, part) => (typeof part === "string" ? toPostgres(part) : part));
}

/** The value of JSON that PostgreSQL made of texts that it keeps. */
export function fromPostgresJson(json: string): unknown {
  if (!json.includes("\\u0001")) return JSON.parse(json);
  return JSON.parse(json, (_, part) => (typeof part === "string" ? fromPostgres(part) : part));
}
