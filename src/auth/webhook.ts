import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Authenticator, type Credentials, makePrincipal } from "./authenticator.ts";
import { tokenOf } from "./bearer.ts";
import type { HttpAnswer } from "./http-call.ts";
import type { Principal } from "./principal.ts";
import { readUserDocument } from "./user-document.ts";
import type { WebhookCalls } from "./webhook-calls.ts";

export interface WebhookOptions {
  readonly calls: WebhookCalls;
  /** Headers that are passed on, in any case. */
  readonly forwardHeaders: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

interface Question {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** A browser may have sent it without its user's will. */
  readonly isAmbient: boolean;
}

/**
 * Asks the app's endpoint who connects, by the headers of the HTTP request and CONNECT's `login` and
 * token. 200 with a user (see `readUserDocument`) is who it is, 401 and 403 nobody; whatever else it
 * answers is AUTHENTICATION_UNAVAILABLE, so that clients try again.
 */
export class WebhookAuthenticator implements Authenticator {
  readonly requestHeaders: readonly string[];
  readonly #options: WebhookOptions;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.requestHeaders = options.forwardHeaders.map((name) => name.toLowerCase());
  }

  async authenticate(credentials: Credentials): Promise<Principal | null> {
    const question = this.#question(credentials);
    if (question === null) return null;
    const answer = await this.#options.calls.post(question);
    if (answer === null) throw unavailable();
    const proof = this.#proof(answer);
    const nowMs = this.#options.clock.now();
    const { expiresMs } = proof;
    if (typeof expiresMs === "number" && expiresMs <= nowMs) {
      throw new AppError("TOKEN_EXPIRED", "The session has expired");
    }
    return makePrincipal({ ...proof, issuedMs: nowMs, byCookie: question.isAmbient });
  }

  /** null: there is nothing to ask about. */
  #question(credentials: Credentials): Question | null {
    const { remote } = credentials;
    const headers: Record<string, string> = {};
    for (const name of this.requestHeaders) {
      const own = name === "authorization" ? credentials.header("Authorization") : undefined;
      const value = own || remote.header(name);
      if (value === undefined || value === "") continue;
      if (!isHeaderValue(value)) throw refused();
      headers[name] = value;
    }
    const token = tokenOf(credentials) ?? undefined;
    const login = credentials.header("login") || undefined;
    if (Object.keys(headers).length === 0 && token === undefined && login === undefined)
      return null;
    const body = JSON.stringify({ address: remote.address, login, token });
    return { headers, body, isAmbient: isAmbient(headers) };
  }

  #proof({ status, body }: HttpAnswer) {
    if (status === 401 || status === 403) throw refused();
    const proof = status === 200 ? readUserDocument(body) : null;
    if (proof !== null) return proof;
    this.#options.log.warn(
      { status },
      "The webhook's answer is none: expected 401, 403, or 200 with JSON that has userId",
    );
    throw unavailable();
  }
}

/** CONNECT's headers may have line feeds, and characters that HTTP has not. */
function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** Browsers add cookies, and the passwords of HTTP's own authentication, to what any page asks for. */
function isAmbient({ cookie, authorization }: Readonly<Record<string, string>>): boolean {
  if (cookie !== undefined) return true;
  return authorization !== undefined && !/^Bearer /i.test(authorization);
}

function refused(): AppError {
  return new AppError("AUTHENTICATION_FAILED", "The app does not know who this is");
}

function unavailable(): AppError {
  const text = "Who this is cannot be found out now; connect again later";
  return new AppError("AUTHENTICATION_UNAVAILABLE", text);
}
