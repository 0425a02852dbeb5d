const PREFIX = "#join=";

/** The page's address that lets whoever opens it join. The code never gets to a server's log in it. */
export function inviteAddress(page: string, code: string): string {
  const { origin, pathname } = new URL(page);
  return origin + pathname + PREFIX + encodeURIComponent(code);
}

/** The code of such an address; null for others. An id of a conversation never has a bare `=`. */
export function codeInHash(hash: string): string | null {
  if (!hash.startsWith(PREFIX)) return null;
  const code = hash.slice(PREFIX.length);
  return /^[A-Za-z0-9_-]{1,64}$/.test(code) ? code : null;
}
