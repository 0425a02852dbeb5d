import { generateKeyPairSync, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { z } from "zod";
import type { Clock } from "../../src/clock.ts";
import type { MaybePromise } from "../../src/maybe-promise.ts";

const PROJECT = "parley-test";
const EMAIL = "sender@parley-test.iam.gserviceaccount.com";
const KEY_ID = "5f1c";
const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";

const messageSchema = z.strictObject({
  token: z.string().regex(/^[\w:-]+$/),
  notification: z.strictObject({ title: z.string().min(1), body: z.string().min(1).optional() }),
  data: z.record(z.string().regex(/^(?!from$|gcm|google|message_type$)/), z.string()),
  android: z.strictObject({
    collapse_key: z.string().min(1).max(64),
    priority: z.enum(["NORMAL", "HIGH"]),
    ttl: z.string().regex(/^\d+s$/),
    notification: z.strictObject({ tag: z.string().min(1) }),
  }),
  apns: z.strictObject({
    headers: z.strictObject({
      "apns-collapse-id": z.string().min(1).max(64),
      "apns-priority": z.literal("10"),
      "apns-expiration": z.string().regex(/^\d+$/),
    }),
    payload: z.strictObject({ aps: z.record(z.string(), z.unknown()) }),
  }),
});
const bodySchema = z.strictObject({ message: messageSchema });

export type FcmMessage = z.output<typeof messageSchema>;

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });

/**
 * Google's token end point and FCM, over real HTTP on loopback. Tokens are issued for assertions that
 * verify alone, by the test's clock, and messages are taken with such a token and in the right shape.
 */
export class FcmEndpoint {
  readonly messages: FcmMessage[] = [];
  /** Messages that were right, also those that were not taken. */
  readonly offered: FcmMessage[] = [];
  /** Of all requests for a token, also of those that were refused. */
  tokenRequests = 0;
  sendRequests = 0;
  expiresInSeconds = 3_600;
  /** In place of a token, or of taking a message that is right; undefined: not. */
  tokenAnswer: (() => MaybePromise<Response | undefined>) | null = null;
  answer: ((request: Request) => MaybePromise<Response | undefined>) | null = null;
  readonly #clock: Clock;
  /** By token, when it expires. */
  readonly #tokens = new Map<string, number>();
  readonly #server;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1" },
      fetch: (request) => {
        const { pathname } = new URL(request.url);
        if (request.method !== "POST") return new Response(null, { status: 405 });
        if (pathname === "/token") return this.#token(request);
        if (pathname === `/v1/projects/${PROJECT}/messages:send`) return this.#send(request);
        return fcmError(404, "NOT_FOUND");
      },
    });
  }

  get url(): string {
    return this.#server.url.origin;
  }

  /** What the console gives, for this end point. */
  get account() {
    return {
      type: "service_account",
      project_id: PROJECT,
      private_key_id: KEY_ID,
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
      client_email: EMAIL,
      token_uri: `${this.url}/token`,
    };
  }

  /** The path of a key file in the folder. */
  keyFile(folder: string, account: unknown = this.account): string {
    const path = join(folder, `${randomUUID()}.json`);
    writeFileSync(path, typeof account === "string" ? account : JSON.stringify(account));
    return path;
  }

  /** Tokens that have been issued are refused from now on. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  async #token(request: Request): Promise<Response> {
    this.tokenRequests += 1;
    const form = new URLSearchParams(await request.text());
    const own = await this.tokenAnswer?.();
    if (own !== undefined) return own;
    if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") {
      return Response.json({ error: "unsupported_grant_type" }, { status: 400 });
    }
    try {
      await this.#verify(form.get("assertion") ?? "");
    } catch {
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    const token = `ya29.${randomUUID()}`;
    this.#tokens.set(token, this.#clock.now() + this.expiresInSeconds * 1000);
    const { expiresInSeconds: expires_in } = this;
    return Response.json({ access_token: token, expires_in, token_type: "Bearer" });
  }

  async #verify(assertion: string): Promise<void> {
    const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
      ...{ algorithms: ["RS256"], typ: "JWT", issuer: EMAIL, audience: `${this.url}/token` },
      ...{ currentDate: new Date(this.#clock.now()), requiredClaims: ["iat", "exp"] },
    });
    const { iat = 0, exp = 0, scope } = payload;
    if (protectedHeader.kid !== KEY_ID || scope !== SCOPE || exp - iat > 3_600) {
      throw new Error("another key or scope, or too long");
    }
  }

  async #send(request: Request): Promise<Response> {
    this.sendRequests += 1;
    const token = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    const expiresMs = this.#tokens.get(token) ?? 0;
    if (expiresMs <= this.#clock.now()) return fcmError(401, "UNAUTHENTICATED");
    const parsed = bodySchema.safeParse(await request.json());
    if (!parsed.success || request.headers.get("content-type") !== "application/json") {
      const fieldViolations = parsed.error?.issues.map(({ path }) => ({ field: path.join(".") }));
      return fcmError(400, "INVALID_ARGUMENT", { fieldViolations });
    }
    this.offered.push(parsed.data.message);
    const own = await this.answer?.(request);
    if (own !== undefined) return own;
    this.messages.push(parsed.data.message);
    return Response.json({ name: `projects/${PROJECT}/messages/${randomUUID()}` });
  }
}

/** An error as Google's services answer it; `detail` is one of its details. */
export function fcmError(
  code: number,
  status: string,
  detail: Record<string, unknown> = {},
  message = "What is wrong, in words",
): Response {
  const details = [{ "@type": "type.googleapis.com/some.Detail", ...detail }];
  return Response.json({ error: { code, message, status, details } }, { status: code });
}
