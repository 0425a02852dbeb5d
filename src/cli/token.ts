import { type JWTPayload, SignJWT } from "jose";
import { isSecretAlgorithm, jwtAlgorithms, jwtSecret, type LoadedSettings } from "../config.ts";
import { AppError } from "../errors.ts";
import { type CliContext, EXIT, UsageError } from "./context.ts";

export const TOKEN_FLAGS = ["--user", "--name", "--role", "--expires"] as const;
const DEFAULT_EXPIRY = "12h";
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Prints a token that this server accepts, signed with its secret, and nothing else. */
export async function token(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { commandFlags, settings } = loaded;
  const { jwt } = settings;
  const secret = jwtSecret(jwt);
  const alg = jwtAlgorithms(jwt).find(isSecretAlgorithm);
  const user = commandFlags.get("--user");
  if (!user) throw new UsageError("token needs --user ID, the id of the user it names.");
  const lifetimeSeconds = seconds(commandFlags.get("--expires") ?? DEFAULT_EXPIRY);
  if (secret === null || alg === undefined) {
    throw new AppError(
      "INVALID_CONFIGURATION",
      "There is no secret to sign with: set the server's own (PARLEY_JWT_SECRET, --jwt-secret, " +
        "or secret under [jwt] in the configuration file).",
    );
  }

  const payload: JWTPayload = {};
  setClaim(payload, jwt.userIdClaim, user);
  const name = commandFlags.get("--name");
  if (name !== undefined) setClaim(payload, jwt.nameClaim, name);
  const roles = commandFlags
    .get("--role")
    ?.split(",")
    .filter((role) => role !== "");
  if (roles !== undefined) setClaim(payload, jwt.rolesClaim, roles);
  const issuedAt = Math.floor(context.clock.now() / 1_000);
  const claims = new SignJWT(payload)
    .setProtectedHeader({ alg, typ: "JWT" })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds);
  if (jwt.audience !== undefined) claims.setAudience(jwt.audience);
  if (jwt.issuer !== undefined) claims.setIssuer(jwt.issuer);
  context.stdout(`${await claims.sign(secret)}\n`);
  return EXIT.ok;
}

/** By its whole name, where that is a URL; else dots lead into objects. */
function setClaim(payload: JWTPayload, name: string, value: unknown): void {
  const keys = name.includes("/") ? [name] : name.split(".");
  const last = keys.pop() ?? name;
  let within: Record<string, unknown> = payload;
  for (const key of keys) {
    const next: Record<string, unknown> = { ...asObject(within[key]) };
    within[key] = next;
    within = next;
  }
  within[last] = value;
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

function seconds(duration: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(duration) ?? [];
  const length = Number(count) * (UNIT_SECONDS[unit] ?? 0);
  if (length > 0) return length;
  throw new UsageError(
    `--expires is ${JSON.stringify(duration)}; expected such as 90s, 30m, 12h or 7d.`,
  );
}
