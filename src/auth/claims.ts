import type { JWTPayload } from "jose";
import { AppError } from "../errors.ts";
import type { Proof } from "./authenticator.ts";

/** Which claims name the user. */
export interface ClaimNames {
  readonly userId: string;
  readonly name: string;
  readonly roles: string;
}

/** The end of what a Date can hold; a claim may be any number. */
const LAST_MS = 8_640_000_000_000_000;

/** What a verified token proves. Throws AUTHENTICATION_FAILED if it names nobody. */
export function proofOf(payload: JWTPayload, names: ClaimNames): Proof {
  const userId = claim(payload, names.userId);
  if (typeof userId !== "string" && !Number.isSafeInteger(userId)) {
    throw new AppError("AUTHENTICATION_FAILED", `The token has no ${names.userId}`);
  }
  const name = claim(payload, names.name);
  const { exp, iat, jti } = payload;
  return {
    userId: String(userId),
    name: typeof name === "string" ? name : undefined,
    roles: rolesOf(claim(payload, names.roles)),
    issuedMs: milliseconds(iat),
    expiresMs: milliseconds(exp),
    tokenId: typeof jti === "string" && jti !== "" ? jti : null,
  };
}

/** By its whole name, which may have dots (`https://app.example/roles`), else dots lead into objects. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const key of name.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** An array of texts, or texts separated by spaces. */
function rolesOf(value: unknown): string[] {
  if (typeof value === "string") return value.split(" ").filter((role) => role !== "");
  if (!Array.isArray(value)) return [];
  return value.filter((role): role is string => typeof role === "string" && role !== "");
}

function milliseconds(seconds: number | undefined): number | null {
  if (typeof seconds !== "number" || Number.isNaN(seconds)) return null;
  return Math.max(-LAST_MS, Math.min(seconds * 1000, LAST_MS));
}
