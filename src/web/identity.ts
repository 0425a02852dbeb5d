/** Who sits at this tab. */
export interface Identity {
  readonly userId: string;
  /** A JWT whose `sub` is the user id; null where the server believes the name (development). */
  readonly token: string | null;
}

const STORED_AS = "parley.identity";
const LONGEST_NAME = 60;

/** HTTP headers carry Latin-1, and the server allows no spaces, `/`, `*` or control characters. */
const FORBIDDEN = /[^\u0021-\u007e\u00a1-\u00ff]|[/*]/u;

/** Why the text cannot be a name; null when it can. */
export function nameFault(name: string): string | null {
  if (name === "") return "A name is needed.";
  if (name.length > LONGEST_NAME) return `A name has at most ${LONGEST_NAME} characters.`;
  if (/\s/.test(name)) return "A name has no spaces: try a dot or a hyphen.";
  if (FORBIDDEN.test(name)) return "A name has Latin letters, digits and signs, but no / or *.";
  return null;
}

export function identityOfName(name: string): Identity {
  return { userId: name, token: null };
}

/** null when the token names nobody. The server checks it; here it is only read. */
export function identityOfToken(token: string): Identity | null {
  const userId = subjectOf(token);
  return userId === null ? null : { userId, token };
}

/** What the server wants to see, in CONNECT and in HTTP requests alike. */
export function credentials({ userId, token }: Identity): Record<string, string> {
  return token === null ? { "X-User-Id": userId } : { Authorization: `Bearer ${token}` };
}

/** `?user=` or `?token=` in the address, else who was here before. */
export function recallIdentity(query: URLSearchParams, storage: Storage): Identity | null {
  const token = query.get("token");
  if (token !== null) return identityOfToken(token);
  const name = query.get("user")?.trim() ?? "";
  if (nameFault(name) === null) return identityOfName(name);
  return readIdentity(storage.getItem(STORED_AS));
}

/** For this tab alone: two tabs may be two people. */
export function rememberIdentity(identity: Identity, storage: Storage): void {
  storage.setItem(STORED_AS, JSON.stringify(identity));
}

export function forgetIdentity(storage: Storage): void {
  storage.removeItem(STORED_AS);
}

/** Both sides make the same one. */
export function directId(userId: string, peerId: string): string {
  return `dm:${[userId, peerId].sort().join(":")}`;
}

/** The other one of a direct conversation's id; null when the id is of another form. */
export function peerInDirectId(conversationId: string, userId: string): string | null {
  const members = conversationId.startsWith("dm:") ? conversationId.slice("dm:".length) : "";
  const candidates = [
    members.startsWith(`${userId}:`) ? members.slice(userId.length + 1) : "",
    members.endsWith(`:${userId}`) ? members.slice(0, -userId.length - 1) : "",
  ];
  const isPeer = (peer: string) =>
    peer !== "" && peer !== userId && directId(userId, peer) === conversationId;
  return candidates.find(isPeer) ?? null;
}

function readIdentity(stored: string | null): Identity | null {
  if (stored === null) return null;
  const value: unknown = JSON.parse(stored);
  if (typeof value !== "object" || value === null || !("userId" in value)) return null;
  const { userId } = value;
  if (typeof userId !== "string") return null;
  const token = "token" in value && typeof value.token === "string" ? value.token : null;
  return { userId, token };
}

function subjectOf(token: string): string | null {
  const payload = token.split(".")[1] ?? "";
  try {
    const base64 = payload.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null || !("sub" in claims)) return null;
    return typeof claims.sub === "string" && claims.sub !== "" ? claims.sub : null;
  } catch {
    return null; // Not a JWT: it names nobody.
  }
}
