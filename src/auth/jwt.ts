import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type Authenticator, type Credentials, makePrincipal } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

export interface JwtOptions {
  /** The HS256 key, at least 32 bytes. */
  readonly secret: string;
  readonly leewayMs: number;
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  readonly clock: Clock;
}

/**
 * A JWT in `Authorization: Bearer …` or in CONNECT's `passcode`: `sub` is the user's id, `name`
 * the name. HS256 only; `exp` is honoured if present.
 */
export class JwtAuthenticator implements Authenticator {
  readonly requestHeaders = [];
  readonly #key: Uint8Array;

  constructor(readonly options: JwtOptions) {
    this.#key = new TextEncoder().encode(options.secret);
  }

  async authenticate(credentials: Credentials): Promise<Principal | null> {
    const token = tokenOf(credentials);
    if (token === null) return null;
    const payload = await this.#verify(token);
    if (typeof payload.sub !== "string") {
      throw new AppError("AUTHENTICATION_FAILED", "The token has no sub");
    }
    const name = typeof payload.name === "string" ? payload.name : undefined;
    const { exp, iat, jti } = payload;
    return makePrincipal({
      ...{ userId: payload.sub, name },
      expiresMs: exp === undefined ? null : this.#endOf(exp * 1000),
      issuedMs: iat === undefined ? null : iat * 1000,
      tokenId: jti ?? null,
      roles: Array.isArray(payload.roles) ? payload.roles.map(String) : [],
    });
  }

  /** A token that is accepted after its end, because clocks may differ, is good for that difference. */
  #endOf(expiresMs: number): number {
    const { clock, leewayMs } = this.options;
    return expiresMs > clock.now() ? expiresMs : expiresMs + leewayMs;
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { leewayMs, audience, issuer, clock } = this.options;
    const options: JWTVerifyOptions = {
      algorithms: ["HS256"], // Named, so that no token chooses another, or none.
      clockTolerance: leewayMs / 1000,
      currentDate: new Date(clock.now()),
      ...(audience === undefined ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
    };
    try {
      return (await jwtVerify(token, this.#key, options)).payload;
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) {
        throw new AppError("TOKEN_EXPIRED", "The token has expired", { cause });
      }
      throw new AppError("AUTHENTICATION_FAILED", "The token is not valid", { cause });
    }
  }
}

function tokenOf(credentials: Credentials): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(credentials.header("Authorization") ?? "");
  const token = bearer?.[1] ?? credentials.header("passcode");
  return token === undefined || token === "" ? null : token;
}
