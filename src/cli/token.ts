import { SignJWT } from "jose";
import type { LoadedSettings } from "../config.ts";
import { AppError } from "../errors.ts";
import { type CliContext, EXIT, UsageError } from "./context.ts";

export const TOKEN_FLAGS = ["--user", "--name", "--expires"] as const;
const DEFAULT_EXPIRY = "12h";
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Prints an HS256 token that this server accepts, and nothing else. */
export async function token(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { commandFlags, settings } = loaded;
  const { secret, audience, issuer } = settings.jwt;
  const user = commandFlags.get("--user");
  if (!user) throw new UsageError("token needs --user ID, the id of the user it names.");
  const lifetimeSeconds = seconds(commandFlags.get("--expires") ?? DEFAULT_EXPIRY);
  if (secret === undefined) {
    throw new AppError(
      "INVALID_CONFIGURATION",
      "There is no secret to sign with: set the server's own (PARLEY_JWT_SECRET, --jwt-secret, " +
        "or secret under [jwt] in the configuration file).",
    );
  }

  const name = commandFlags.get("--name");
  const issuedAt = Math.floor(context.clock.now() / 1_000);
  const claims = new SignJWT(name === undefined ? {} : { name })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds);
  if (audience !== undefined) claims.setAudience(audience);
  if (issuer !== undefined) claims.setIssuer(issuer);
  context.stdout(`${await claims.sign(new TextEncoder().encode(secret))}\n`);
  return EXIT.ok;
}

function seconds(duration: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(duration) ?? [];
  const length = Number(count) * (UNIT_SECONDS[unit] ?? 0);
  if (length > 0) return length;
  throw new UsageError(
    `--expires is ${JSON.stringify(duration)}; expected such as 90s, 30m, 12h or 7d.`,
  );
}
