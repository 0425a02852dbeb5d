import type { Member } from "./member.ts";
import type { Watermarks } from "./stored-chats.ts";

/** How far others have brought a member, who was thought to be less far. */
export interface MovedMarks {
  readonly userId: string;
  readonly before: Watermarks;
  readonly now: Watermarks;
}

/** The member is as far as the store says; null: that was known. */
export function moveMarks(
  member: Member,
  { deliveredSeq, readSeq }: Watermarks,
): MovedMarks | null {
  const before = { deliveredSeq: member.durableDeliveredSeq, readSeq: member.readSeq };
  if (deliveredSeq <= before.deliveredSeq && readSeq <= before.readSeq) return null;
  const now = {
    deliveredSeq: Math.max(deliveredSeq, before.deliveredSeq),
    readSeq: Math.max(readSeq, before.readSeq),
  };
  member.deliveredSeq = Math.max(member.deliveredSeq, now.deliveredSeq);
  member.durableDeliveredSeq = now.deliveredSeq;
  member.readSeq = now.readSeq;
  return { userId: member.userId, before, now };
}
