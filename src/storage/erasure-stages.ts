/** What of a user is erased when, by its place: the number that databases keep. The last one is that all is done. */
export const ERASURE_STAGES = [
  "memberships",
  "clientIds",
  "messages",
  "reactions",
  "invites",
  "removed",
  "files",
  "notices",
  "targets",
  // Where there is no target any more, nothing that was under way becomes one.
  "deadLetters",
] as const;

export type ErasureStage = (typeof ERASURE_STAGES)[number];

export const ALL_ERASED: number = ERASURE_STAGES.length;
