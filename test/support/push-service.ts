import { createECDH, randomBytes } from "node:crypto";
import { importJWK, type JWTPayload, jwtVerify } from "jose";
import { decryptPush, type Recipient } from "./aes128gcm.ts";
import type { PemPair } from "./certificates.ts";

/** As a browser gives it to a page. */
export interface PushSubscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

/** A message that the service has taken and the browser has decrypted. */
export interface ReceivedPush {
  readonly endpoint: string;
  readonly text: string;
  /** Encrypted. */
  readonly bytes: number;
  readonly ttl: number;
  readonly urgency: string | null;
  readonly topic: string | null;
  readonly authorization: string;
  /** Of the token of VAPID, which has been verified. */
  readonly claims: JWTPayload;
}

/** How it answers instead of taking what comes; or it takes that, and never says so. */
export type PushAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | "hang"
  | "take and hang";

/**
 * A push service and the browsers that have subscribed with it, over real HTTP: it refuses what RFC
 * 8030, 8188, 8291 and 8292 do not allow, with the reason as the answer's text. Written from these, not
 * from a library that sends.
 */
export interface PushService {
  readonly origin: string;
  /** Messages that were taken, the newest last. */
  readonly received: readonly ReceivedPush[];
  /** Requests, whatever became of them. */
  readonly requests: number;
  /** Why what was refused was, the newest last. */
  readonly refusals: readonly string[];
  /** A new browser's, for whoever signs with that key. */
  subscribe(applicationServerKey: string): PushSubscription;
  /** The browser has taken it back. */
  unsubscribe(subscription: PushSubscription): void;
  /** null: it takes what comes again. */
  answerWith(answer: PushAnswer | null): void;
  /** Resolves when so many messages were taken in all. */
  taken(count: number): Promise<void>;
  /** Resolves when so many requests have come in all. */
  asked(count: number): Promise<void>;
  stop(): Promise<void>;
}

export interface PushServiceOptions {
  /** With a certificate it speaks https; `host` is one of its names, by default 127.0.0.1. */
  readonly certificate?: PemPair;
  readonly host?: string;
  /** Of tokens; the system's by default. */
  readonly now?: () => number;
}

const DAY_S = 86_400;
const MOST_BYTES = 4_096;

interface Browser {
  readonly recipient: Recipient;
  readonly applicationServerKey: string;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    reason: string,
  ) {
    super(reason);
  }
}

export function startPushService(options: PushServiceOptions = {}): PushService {
  const { certificate, host = "127.0.0.1", now = Date.now } = options;
  const browsers = new Map<string, Browser>();
  const received: ReceivedPush[] = [];
  const refusals: string[] = [];
  const waiting = new Set<() => void>();
  let requests = 0;
  let answer: PushAnswer | null = null;

  const server: Bun.Server<undefined> = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, ...(certificate !== undefined && { tls: certificate }) },
    async fetch(request) {
      requests += 1;
      try {
        if (answer === "hang") return await new Promise<Response>(() => wake());
        if (answer !== null && answer !== "take and hang") return new Response(null, answer);
        received.push(await take(request));
        if (answer !== null) return await new Promise<Response>(() => wake());
        return new Response(null, { status: 201, headers: { location: `${origin}/message` } });
      } catch (fault) {
        if (!(fault instanceof Refusal)) throw fault;
        refusals.push(fault.message);
        return new Response(fault.message, { status: fault.status });
      } finally {
        wake();
      }
    },
  });
  const origin: string = `${certificate === undefined ? "http" : "https"}://${host}:${server.port}`;

  async function take(request: Request): Promise<ReceivedPush> {
    const endpoint = `${origin}${new URL(request.url).pathname}`;
    const browser = browsers.get(endpoint);
    if (browser === undefined) throw new Refusal(410, "there is no such subscription");
    const { headers } = request;
    const body = await request.bytes();
    if (body.length > MOST_BYTES) throw new Refusal(413, "it is too long"); // [RFC 8030 §7.2]
    const authorization = headers.get("authorization") ?? "";
    const claims = await claimsOf(authorization, browser.applicationServerKey, origin, now());
    if (headers.get("content-encoding") !== "aes128gcm") throw new Refusal(415, "the encoding");
    return {
      ...{ endpoint, authorization, claims, bytes: body.length },
      ttl: Number(wellFormed(headers.get("ttl") ?? "", /^\d{1,9}$/, "TTL")),
      urgency: wellFormed(headers.get("urgency"), /^(?:very-low|low|normal|high)$/, "urgency"),
      topic: wellFormed(headers.get("topic"), /^[\w-]{1,32}$/, "topic"),
      text: textOf(body, browser.recipient),
    };
  }

  function wake(): void {
    for (const look of waiting) look();
  }

  function until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  }

  return {
    ...{ origin, received, refusals },
    get requests() {
      return requests;
    },
    subscribe(applicationServerKey) {
      const pair = createECDH("prime256v1");
      const p256dh = pair.generateKeys().toString("base64url");
      const auth = randomBytes(16);
      const endpoint = `${origin}/push/${randomBytes(16).toString("base64url")}`;
      browsers.set(endpoint, { recipient: { pair, auth }, applicationServerKey });
      return { endpoint, keys: { p256dh, auth: auth.toString("base64url") } };
    },
    unsubscribe: ({ endpoint }) => void browsers.delete(endpoint),
    answerWith(next) {
      answer = next;
    },
    taken: (count) => until(() => received.length >= count),
    asked: (count) => until(() => requests >= count),
    stop: () => server.stop(true),
  };
}

/** [RFC 8292 §2, §3 and §4] */
async function claimsOf(
  authorization: string,
  applicationServerKey: string,
  origin: string,
  nowMs: number,
): Promise<JWTPayload> {
  const [, token = "", key = ""] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(authorization) ?? [];
  if (key === "") throw new Refusal(401, "there is no token of VAPID");
  if (key !== applicationServerKey) throw new Refusal(403, "the subscription is for another key");
  const point = Buffer.from(key, "base64url");
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) =>
    half.toString("base64url"),
  );
  const jwk = { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" };
  const rules = {
    ...{ algorithms: ["ES256"], audience: origin, currentDate: new Date(nowMs) },
    requiredClaims: ["aud", "exp", "sub"],
  };
  const { payload } = await jwtVerify(token, await importJWK(jwk, "ES256"), rules).catch(
    (fault) => {
      throw new Refusal(403, `the token: ${fault.message}`);
    },
  );
  if ((payload.exp ?? 0) > nowMs / 1_000 + DAY_S) throw new Refusal(403, "it lasts too long");
  if (!/^(?:mailto:|https:\/\/)./.test(payload.sub ?? "")) throw new Refusal(403, "the subject");
  return payload;
}

function wellFormed<Value extends string | null>(value: Value, form: RegExp, name: string): Value {
  if (value !== null && !form.test(value)) throw new Refusal(400, `the ${name} is wrong`);
  return value;
}

function textOf(body: Uint8Array, recipient: Recipient): string {
  try {
    return decryptPush(body, recipient).toString("utf8");
  } catch (fault) {
    throw new Refusal(400, `the browser cannot decrypt it: ${fault}`);
  }
}
