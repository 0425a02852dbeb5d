/** Bodies that make conversations, and that change them or who is in them. */
import { z } from "zod";
import type { Preferences, Role } from "../chat/stored-chats.ts";
import { pictureSchema, titleSchema } from "./profile-schemas.ts";
import { idempotencyKeySchema, idSchema, lifetimeSchema, optional } from "./schemas.ts";

const roles = ["owner", "admin", "member"] as const satisfies readonly Role[];

export const memberRole = z.enum(roles).meta({ id: "Role" });

export const newGroupSchema = z
  .object({
    id: optional(idSchema).describe("For the back end to choose; users are given one."),
    memberIds: z
      .array(idSchema)
      .describe("Who asks is a member as well, unless it is the back end."),
    title: optional(titleSchema),
    picture: optional(pictureSchema),
    disappearAfterSeconds: optional(lifetimeSchema),
    ownerId: optional(idSchema).describe(
      "Of a group that the back end makes; nobody owns it without.",
    ),
  })
  .meta({ id: "NewGroup" });

/** What is not named stays; null takes it away. */
export const profileSchema = z
  .object({
    title: titleSchema.nullable().optional(),
    picture: pictureSchema.nullable().optional(),
    disappearAfterSeconds: lifetimeSchema
      .nullable()
      .optional()
      .describe("So long after their sending, messages sent from now on say nothing any more."),
  })
  .meta({ id: "ProfileChange", description: "What is not named stays; null takes it away." });

/** The same for the same user and key, and nobody else's. */
export function idByKey({ userId }: { readonly userId: string }, key: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  return hasher.update(JSON.stringify([userId, key])).digest("base64url");
}

export const roleSchema = z.object({ role: memberRole }).meta({ id: "RoleChange" });

/** The last one that is written with four digits of the year. */
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

const timeSchema = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .refine((timeMs) => timeMs >= 0 && timeMs <= LAST_MS, "must be from 1970 to 9999");

/** What is not named stays as it is. */
export const preferencesSchema = z
  .object({
    mutedUntil: timeSchema
      .nullable()
      .optional()
      .describe("No notice is given of messages until then."),
    archived: z.boolean().optional(),
    pinned: z.boolean().optional(),
  })
  .meta({ id: "PreferencesChange", description: "What is not named stays as it is." });

export function preferencesChange(
  { mutedUntil, archived, pinned }: z.output<typeof preferencesSchema>,
  nowMs: number,
): Partial<Preferences> {
  const since = (isSo: boolean) => (isSo ? nowMs : null);
  return {
    ...(mutedUntil !== undefined && { mutedUntilMs: mutedUntil }),
    ...(archived !== undefined && { archivedMs: since(archived) }),
    ...(pinned !== undefined && { pinnedMs: since(pinned) }),
  };
}

export const inviteCodeSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "is no code of a link");

export const newInviteSchema = z
  .object({
    expiresAt: timeSchema
      .nullish()
      .transform((value) => value ?? null)
      .describe("Until then the link holds; without it, until it is revoked."),
  })
  .meta({ id: "NewInvite" });

const inConversation = { conversationId: idSchema };
const ofMember = { ...inConversation, userId: idSchema };

/** Bodies of `/app/conversation.*`. */
export const conversationSchemas = {
  create: newGroupSchema
    .omit({ id: true, ownerId: true })
    .extend({ idempotencyKey: optional(idempotencyKeySchema) }),
  update: profileSchema.extend(inConversation),
  add: z.object(ofMember),
  remove: z.object(ofMember),
  leave: z.object(inConversation),
  role: roleSchema.extend(ofMember),
  preferences: preferencesSchema.extend(inConversation),
  join: z.object({ code: inviteCodeSchema }),
} as const;
