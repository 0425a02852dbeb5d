/** Whom an e-mail is from, or answers go to. */
export interface Mailbox {
  /** Shown with the address; null: it has none. */
  readonly name: string | null;
  readonly address: string;
}

export const MAILBOX_FORMS =
  "an e-mail address, with or without a name, such as Parley <chat@example.com>";

/** Octets of an address in an envelope [RFC 5321 §4.5.3.1.3, without the brackets]. */
const LONGEST_ADDRESS = 254;
const LONGEST_LOCAL_PART = 64;

/** A `Dot-string` [RFC 5321 §4.1.2], internationalised [RFC 6531 §3.3]. Quoted ones are not taken. */
const LOCAL_PART =
  /^[\w!#$%&'*+\-/=?^`{|}~\p{L}\p{M}\p{N}]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\p{L}\p{M}\p{N}]+)*$/u;
const DOMAIN =
  /^(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?\.)*[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?$/u;

/** Whether a text is the plain form of an e-mail address: `local.part@domain`, no name, no quotes. */
export function isEmailAddress(text: string): boolean {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  return (
    at > 0 &&
    Buffer.byteLength(text) <= LONGEST_ADDRESS &&
    Buffer.byteLength(local) <= LONGEST_LOCAL_PART &&
    LOCAL_PART.test(local) &&
    DOMAIN.test(text.slice(at + 1))
  );
}

/** null for a text that is no such thing, see `MAILBOX_FORMS`. */
export function parseMailbox(text: string): Mailbox | null {
  const named = /^\s*(?:"([^"<>]+)"|([^"<>]+?))\s*<([^<>]+)>\s*$/.exec(text);
  const name = named?.[1] ?? named?.[2] ?? null;
  const address = named?.[3] ?? text.trim();
  return isEmailAddress(address) && !/[\p{Cc}\p{Cs}]/u.test(text) ? { name, address } : null;
}
