import { CHATS } from "./postgres-migrations-chats.ts";
import { NOTICES } from "./postgres-migrations-notices.ts";

/**
 * The steps from an empty schema to today's, one version each. A step that was released is never
 * changed: what must be different becomes a step of its own at the end, in the last of these files.
 *
 * Ids are texts of clients, ordered by their bytes as everywhere else. Counts and times are bigint.
 * Nothing references anything: conversations are never removed, and what belongs to a message goes in
 * the transaction that takes the message, so that looking each of them up would find what is known.
 */
export const POSTGRES_MIGRATIONS: readonly string[] = [...CHATS, ...NOTICES];
