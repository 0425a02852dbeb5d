import { z } from "zod";
import { isReserved, isVisible } from "../chat/shown-names.ts";

/** Of a group, or the name of a user: one line in which something is seen. */
export const titleSchema = z
  .string()
  .trim()
  .min(1)
  .max(128)
  .regex(
    /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]*$/u,
    "must be one line of plain text",
  )
  .refine(isVisible, "must have something to see");

const userNameSchema = titleSchema.refine(
  (name) => !isReserved(name),
  "is the server's own, and no user's",
);

export const pictureSchema = z.url({ protocol: /^https?$/, error: "must be a URL" }).max(2_048);

/** What is not named stays; null takes it away. */
export const userProfileSchema = z
  .object({
    name: userNameSchema.nullable().optional(),
    picture: pictureSchema.nullable().optional(),
  })
  .meta({ id: "UserProfileChange" });
