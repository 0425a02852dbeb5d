import { AddressList } from "../address-list.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { DevelopmentAuthenticator } from "../auth/development.ts";
import { JwtAuthenticator } from "../auth/jwt.ts";
import { JwtVerifier } from "../auth/jwt-verifier.ts";
import { readPublicKeys } from "../auth/public-key-file.ts";
import type { KeySource } from "../auth/public-keys.ts";
import { RemoteKeys } from "../auth/remote-keys.ts";
import { CookieAuthenticator } from "../auth/session-cookie.ts";
import { TrustedHeaderAuthenticator } from "../auth/trusted-header.ts";
import { WebhookAuthenticator } from "../auth/webhook.ts";
import { WebhookCalls } from "../auth/webhook-calls.ts";
import type { Clock } from "../clock.ts";
import {
  type AuthenticationMethod,
  authenticationOrder,
  jwtAlgorithms,
  jwtSecret,
  type Settings,
} from "../config.ts";
import type { Log } from "../log.ts";

export interface AuthenticationParts {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** In the order in which they are asked. Throws INVALID_CONFIGURATION for a key file that is none. */
export function authenticatorsFor(settings: Settings, parts: AuthenticationParts): Authenticator[] {
  const order = authenticationOrder(settings);
  const readsJwtCookie = order.includes("cookie") && settings.cookie.jwtName !== undefined;
  const verifier = order.includes("jwt") || readsJwtCookie ? jwtVerifier(settings, parts) : null;
  const authenticators: Authenticator[] = [];
  for (const method of order) {
    const authenticator = authenticatorFor(method, settings, { ...parts, verifier });
    if (authenticator !== null) authenticators.push(authenticator);
  }
  return authenticators;
}

/** null: what it needs is not configured. */
function authenticatorFor(
  method: AuthenticationMethod,
  settings: Settings,
  parts: AuthenticationParts & { readonly verifier: JwtVerifier | null },
): Authenticator | null {
  const { clock, verifier } = parts;
  switch (method) {
    case "jwt": {
      if (verifier === null) return null;
      const leavesOpaqueTokens = authenticationOrder(settings).includes("webhook");
      return new JwtAuthenticator({ verifier, leavesOpaqueTokens });
    }
    case "cookie":
      return cookieAuthenticator(settings, verifier, clock);
    case "webhook":
      return webhookAuthenticator(settings, parts);
    case "trusted-header": {
      const { proxies, ...names } = settings.trustedHeader;
      return new TrustedHeaderAuthenticator({
        ...names,
        ...{ proxies: AddressList.parse(proxies), clock },
      });
    }
    case "development":
      return new DevelopmentAuthenticator(settings.insecureTrustUserId, clock);
  }
}

function jwtVerifier({ jwt }: Settings, { clock, log }: AuthenticationParts): JwtVerifier {
  const publicKeys: KeySource[] = [];
  if (jwt.publicKeyFile !== undefined) publicKeys.push(readPublicKeys(jwt.publicKeyFile));
  if (jwt.jwksUrl !== undefined) {
    const keys = new RemoteKeys({
      ...{ url: jwt.jwksUrl, maxAgeMs: jwt.jwksMaxAgeMs, staleMs: jwt.jwksStaleMs },
      ...{ cooldownMs: jwt.jwksCooldownMs, timeoutMs: jwt.jwksTimeoutMs, clock, log },
    });
    keys.prefetch();
    publicKeys.push(keys);
  }
  const { leewayMs, audience, issuer, requireExpiry } = jwt;
  return new JwtVerifier({
    ...{ algorithms: jwtAlgorithms(jwt), secret: jwtSecret(jwt), publicKeys },
    ...{ leewayMs, audience, issuer, requireExpiry, clock },
    claims: { userId: jwt.userIdClaim, name: jwt.nameClaim, roles: jwt.rolesClaim },
  });
}

function cookieAuthenticator(
  settings: Settings,
  verifier: JwtVerifier | null,
  clock: Clock,
): CookieAuthenticator {
  const { jwtName, signedName, secrets, requireExpiry } = settings.cookie;
  return new CookieAuthenticator({
    jwt: jwtName === undefined || verifier === null ? null : { name: jwtName, verifier },
    signed: signedName === undefined ? null : { name: signedName, secrets, requireExpiry },
    clock,
  });
}

function webhookAuthenticator(
  { webhook }: Settings,
  parts: AuthenticationParts,
): WebhookAuthenticator | null {
  const { url, forwardHeaders } = webhook;
  if (url === undefined) return null;
  const calls = new WebhookCalls({ ...webhook, ...parts, url });
  return new WebhookAuthenticator({ ...parts, calls, forwardHeaders });
}
