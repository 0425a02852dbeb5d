export type AccessAction = "subscribe" | "send";

/** Whom a rule is for. */
export type Grantee =
  | { readonly kind: "everyone" }
  | { readonly kind: "role" | "user"; readonly name: string };

/** One line of `access.rules`: who may do what where. */
export interface AccessRule {
  /** `/topic/…` or `/queue/…`, perhaps with wildcards and with `{userId}`. */
  readonly pattern: string;
  readonly actions: readonly AccessAction[];
  readonly grantees: readonly Grantee[];
}

export const USER_ID_PLACEHOLDER = "{userId}";

const ACTIONS: Readonly<Record<string, readonly AccessAction[]>> = {
  subscribe: ["subscribe"],
  send: ["send"],
  all: ["subscribe", "send"],
};

/** `PATTERN subscribe|send|all everyone|role:NAME|user:ID,…`; null when the text is not of this form. */
export function parseAccessRule(text: string): AccessRule | null {
  const [pattern = "", action = "", who = "", ...rest] = text.trim().split(/\s+/);
  const actions = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (rest.length > 0 || actions === undefined || !isPattern(pattern)) return null;
  const grantees = who.split("|").map(granteeOf);
  if (!grantees.every((grantee) => grantee !== null)) return null;
  return { pattern, actions, grantees };
}

function granteeOf(text: string): Grantee | null {
  if (text === "everyone") return { kind: "everyone" };
  const [, kind, name = ""] = /^(role|user):(.+)$/.exec(text) ?? [];
  if (kind === "role" || kind === "user") return { kind, name };
  return null;
}

/**
 * The caller's id stands for a whole part between slashes: ids may have dots, and so might begin or
 * end with somebody else's.
 */
function isPattern(text: string): boolean {
  if (!/^\/(?:topic|queue)\/[^{}]+$/.test(text.replaceAll(USER_ID_PLACEHOLDER, "x"))) return false;
  const parts = text.split("/");
  return parts.every((part) => part === USER_ID_PLACEHOLDER || !part.includes(USER_ID_PLACEHOLDER));
}
