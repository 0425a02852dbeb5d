import type { Authenticator } from "../auth/authenticator.ts";
import { DevelopmentAuthenticator } from "../auth/development.ts";
import { JwtAuthenticator } from "../auth/jwt.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";

/** Development names count only where nothing better is configured. */
export function authenticatorsFor(settings: Settings, clock: Clock): Authenticator[] {
  const { secret, leewayMs, audience, issuer } = settings.jwt;
  const authenticators: Authenticator[] = [];
  if (secret !== undefined) {
    authenticators.push(new JwtAuthenticator({ secret, leewayMs, audience, issuer, clock }));
  }
  if (secret === undefined || settings.insecureTrustUserId) {
    authenticators.push(new DevelopmentAuthenticator(settings.insecureTrustUserId, clock));
  }
  return authenticators;
}
