import type { Role, Watermarks } from "./stored-chats.ts";

/** How far a member has come; runs ahead of the store by what is not committed yet. */
export interface Member {
  readonly userId: string;
  /** Messages up to here were there before the member was, and are not for them. */
  joinedSeq: number;
  deliveredSeq: number;
  readSeq: number;
  /** Of what was received, what is on disk too: others are told of no more. */
  durableDeliveredSeq: number;
  role: Role;
}

/**
 * The member's watermarks with a message of their own: with nothing outstanding before it, it counts
 * as received and read. The same object: they stay.
 */
export function marksWithOwn(marks: Watermarks, seq: number): Watermarks {
  const { deliveredSeq, readSeq } = marks;
  if (deliveredSeq !== seq - 1) return marks;
  return { deliveredSeq: seq, readSeq: readSeq === deliveredSeq ? seq : readSeq };
}
