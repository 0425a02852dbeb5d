import { createHash } from "node:crypto";

/** What stands for a conversation, or a sender, in the index: one word for each, of any id. */
export function tokenOf(id: string): string {
  return createHash("sha256").update(id.toWellFormed()).digest("hex").slice(0, 16);
}
