import type { StoredMember } from "./stored-chats.ts";

/** Tells other memberships apart, be it by one member or what they may do; not how far they are. */
export function digestOf(
  members: Iterable<Pick<StoredMember, "userId" | "role" | "joinedSeq">>,
): number {
  let digest = 0;
  for (const { userId, role, joinedSeq } of members) {
    const hash = digestOfText(userId, role.length);
    digest = (digest + Math.imul(hash ^ joinedSeq, 16_777_619)) >>> 0;
  }
  return digest;
}

/** FNV-1a of its UTF-16. */
export function digestOfText(text: string, seed = 0): number {
  let hash = 2_166_136_261 ^ seed;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619);
  }
  return hash;
}
