import { z } from "zod";
import type { ListPosition } from "../chat/ports.ts";

const positionSchema = z.tuple([z.int().nonnegative(), z.int(), z.string().min(1).max(128)]);

/** Where a page of conversations ends, as text of no meaning to clients. */
export function cursorOf({ pinnedMs, activeMs, id }: ListPosition): string {
  return Buffer.from(JSON.stringify([pinnedMs, activeMs, id])).toString("base64url");
}

export const cursorSchema = z
  .string()
  .max(512)
  .transform((text, context): ListPosition => {
    const position = positionSchema.safeParse(parsed(text));
    if (!position.success) {
      context.addIssue({ code: "custom", message: "is not one that this server gave" });
      return z.NEVER;
    }
    const [pinnedMs, activeMs, id] = position.data;
    return { pinnedMs, activeMs, id };
  });

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return null;
  }
}
