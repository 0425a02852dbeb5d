import type { StoredMember } from "./stored-chats.ts";

/** Tells other memberships apart, be it by one member or what they may do; not how far they are. */
export function digestOf(
  members: Iterable<Pick<StoredMember, "userId" | "role" | "joinedSeq">>,
): number {
  let digest = 0;
  for (const { userId, role, joinedSeq } of members) {
    let hash = 2_166_136_261 ^ role.length;
    for (let at = 0; at < userId.length; at += 1) {
      hash = Math.imul(hash ^ userId.charCodeAt(at), 16_777_619);
    }
    digest = (digest + Math.imul(hash ^ joinedSeq, 16_777_619)) >>> 0;
  }
  return digest;
}
