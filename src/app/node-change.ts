import { z } from "zod";
import type { Revocation } from "../auth/revocations.ts";

/**
 * What a node tells the others that share its database, when it is durable there: JSON, `v` 1. Of what
 * may change back and forth it says only what has changed: how it is now, the database says.
 */
export type NodeChange =
  | { readonly kind: "revoked"; readonly revocation: Revocation }
  | { readonly kind: "block"; readonly blockerId: string; readonly blockedId: string }
  | { readonly kind: "profile" | "name" | "erasure" | "disconnect"; readonly userId: string }
  /** Too much to be told one by one. */
  | { readonly kind: "everything" };

const VERSION = 1;
const id = z.string().min(1);
const timeMs = z.int().nonnegative();

const schema = z.discriminatedUnion("kind", [
  z.object({
    v: z.literal(VERSION),
    kind: z.literal("revoked"),
    revocation: z.object({
      kind: z.enum(["user", "token"]),
      subject: id,
      revokedMs: timeMs,
      forgetMs: timeMs.nullable(),
    }),
  }),
  z.object({ v: z.literal(VERSION), kind: z.literal("block"), blockerId: id, blockedId: id }),
  z.object({
    v: z.literal(VERSION),
    kind: z.enum(["profile", "name", "erasure", "disconnect"]),
    userId: id,
  }),
  z.object({ v: z.literal(VERSION), kind: z.literal("everything") }),
]);

/** A notice of the back end, for whoever listens on other nodes: JSON, `v` 1. */
export interface NodeNotice {
  /** null: to all who are connected. */
  readonly userIds: readonly string[] | null;
  readonly messageId: string;
  readonly contentType: string;
  readonly body: string;
}

const noticeSchema = z.object({
  v: z.literal(VERSION),
  userIds: z.array(id).nullable(),
  messageId: z.string(),
  contentType: z.string(),
  body: z.string(),
});

export function encodeChange(change: NodeChange): Uint8Array {
  return encoded(change);
}

/** null for what is of no node of this version. */
export function decodeChange(bytes: Uint8Array): NodeChange | null {
  return decoded(schema, bytes);
}

export function encodeNotice(notice: NodeNotice): Uint8Array {
  return encoded(notice);
}

/** As `decodeChange`. */
export function decodeNotice(bytes: Uint8Array): NodeNotice | null {
  return decoded(noticeSchema, bytes);
}

function encoded(value: object): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, ...value }));
}

function decoded<T>(as: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return as.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    return null;
  }
}
