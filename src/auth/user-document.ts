import { z } from "zod";
import type { Proof } from "./authenticator.ts";

const time = z.union([
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  z.int().nonnegative(),
]);

const userDocumentSchema = z.object({
  userId: z.union([z.string().min(1), z.int().transform(String)]),
  name: z.string().nullish(),
  roles: z.array(z.string()).nullish(),
  issuedAt: time.nullish(),
  expiresAt: time.nullish(),
  tokenId: z.string().min(1).nullish(),
});

/**
 * What an app says of a user in JSON: `{userId, name?, roles?, issuedAt?, expiresAt?, tokenId?}`, times
 * in ISO 8601 or epoch milliseconds. null: the text does not say it so.
 */
export function readUserDocument(json: string): Proof | null {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    return null;
  }
  const parsed = userDocumentSchema.safeParse(document);
  if (!parsed.success) return null;
  const { userId, name, roles, issuedAt, expiresAt, tokenId } = parsed.data;
  return {
    userId,
    name: name ?? undefined,
    roles: roles ?? [],
    issuedMs: issuedAt ?? null,
    expiresMs: expiresAt ?? null,
    tokenId: tokenId ?? null,
  };
}
