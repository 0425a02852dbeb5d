/** Browsers send less; longer headers are no browser's. */
const LONGEST_HEADER = 16 * 1024;

/**
 * The value of a cookie, as it was sent, in a `Cookie` header [RFC 6265 §5.4]. Of several by the same
 * name the first holds, which browsers give the most specific path. undefined: there is none, or it
 * is empty.
 */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > LONGEST_HEADER) return undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = withoutQuotes(pair.slice(equals + 1).trim());
    return value === "" ? undefined : value;
  }
  return undefined;
}

function withoutQuotes(value: string): string {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return isQuoted ? value.slice(1, -1) : value;
}
