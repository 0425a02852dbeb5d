import { signedValue, signValue } from "../../auth/signed-value.ts";

/** Where unsubscribe links lead. */
export const UNSUBSCRIBE_PATH = "/notifications/unsubscribe";

/** Whose e-mails, to which of their addresses, an unsubscribe link is in. */
export interface Subscription {
  readonly userId: string;
  readonly targetId: string;
}

/** Nothing else that may be signed with the same secret is taken for a token. */
const PURPOSE = "unsubscribe";

/**
 * By which whoever has an e-mail can end them, for good and without signing in: of characters that
 * stand in URLs as they are. It is signed, not encrypted.
 */
export function unsubscribeToken({ userId, targetId }: Subscription, secret: string): string {
  const text = JSON.stringify([PURPOSE, userId, targetId]);
  return signValue(Buffer.from(text).toString("base64url"), secret);
}

/** null: the secret's holder has not made it. */
export function readUnsubscribeToken(token: string, secret: string): Subscription | null {
  const value = signedValue(token, [secret]);
  if (value === null) return null;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(value, "base64url").toString());
  } catch {
    return null; // Signed with the same secret, for something else.
  }
  if (!Array.isArray(parts) || parts.length !== 3) return null;
  const [purpose, userId, targetId] = parts;
  if (purpose !== PURPOSE || typeof userId !== "string" || typeof targetId !== "string")
    return null;
  return { userId, targetId };
}
