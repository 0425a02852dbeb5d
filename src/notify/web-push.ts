import { createHash } from "node:crypto";
import { encrypt } from "web-push";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { type OutboundAnswer, type OutboundClient, OutboundError } from "./outbound.ts";
import type { Delivery, Notice, NoticeProvider, NoticeTarget, SendOutcome } from "./provider.ts";
import { pushPayload } from "./push-payload.ts";
import { blamed, retryAfterMs } from "./retry-after.ts";
import { type VapidIdentity, VapidTokens } from "./vapid.ts";

type WebPushSettings = Settings["webpush"];

const keysSchema = z.object({ p256dh: z.string(), auth: z.string() });

/** Of what a push service answers, nothing is of use but its status. */
const MAX_ANSWER_BYTES = 4_096;
/** The longest topic that there is [RFC 8030 §5.4]. */
const TOPIC_LENGTH = 32;

/**
 * Browsers, by their push services (RFC 8030): the notice is encrypted for the browser (RFC 8291), and
 * the service is told who sends (RFC 8292).
 */
export class WebPush implements NoticeProvider {
  readonly channel = "webpush";
  readonly server = null;
  readonly gathers = false;
  readonly concurrency: number;
  readonly #settings: WebPushSettings;
  readonly #outbound: OutboundClient;
  readonly #clock: Clock;
  readonly #tokens: VapidTokens;

  /** @param outbound stays the caller's, who closes it */
  constructor(
    settings: WebPushSettings,
    identity: VapidIdentity,
    outbound: OutboundClient,
    clock: Clock,
  ) {
    this.#settings = settings;
    this.concurrency = settings.concurrency;
    this.#outbound = outbound;
    this.#clock = clock;
    this.#tokens = new VapidTokens(identity, clock);
  }

  async send({ target, notices }: Delivery, signal: AbortSignal): Promise<SendOutcome> {
    for (const notice of notices) {
      const outcome = await this.#sendOne(target, notice, signal);
      if (outcome.kind !== "sent") return outcome;
    }
    return { kind: "sent" };
  }

  async stop(): Promise<void> {
    // It has no connections of its own.
  }

  async #sendOne(target: NoticeTarget, notice: Notice, signal: AbortSignal): Promise<SendOutcome> {
    const refusal = this.#outbound.refusalOfUrl(target.address);
    if (refusal !== null) return { kind: "refused", reason: `the URL ${refusal}` };
    const { host, origin } = new URL(target.address);
    const body = encrypted(pushPayload(notice, this.#settings.showContent), target.keys);
    if (body === null) return { kind: "refused", reason: "its keys are not of a subscription" };
    try {
      const answer = await this.#outbound.call(
        {
          ...{ method: "POST", url: target.address, body, maxBytes: MAX_ANSWER_BYTES },
          headers: {
            ...{ "content-type": "application/octet-stream", "content-encoding": "aes128gcm" },
            ...{ ttl: `${this.#settings.ttlS}`, urgency: this.#urgencyOf(notice) },
            topic: topicOf(target, notice),
            authorization: this.#tokens.authorizationFor(origin),
          },
        },
        signal,
      );
      return outcomeOf(answer, host, this.#clock.now());
    } catch (fault) {
      if (!(fault instanceof OutboundError)) throw fault;
      const reason = `${host}: ${fault.message}`;
      if (fault.kind === "refused") return { kind: "refused", reason };
      return { kind: "retry", blames: "provider", reason, afterMs: null };
    }
  }

  #urgencyOf({ kind, newest }: Notice): string {
    const { urgency } = this.#settings;
    if (urgency !== "auto") return urgency;
    return kind === "direct" || newest.mentionsUser ? "high" : "normal";
  }
}

/** null: web push is not set up. */
export function openWebPush(
  settings: WebPushSettings,
  outbound: OutboundClient,
  clock: Clock,
): WebPush | null {
  const { publicKey, privateKey, subject } = settings;
  if (publicKey === undefined || privateKey === undefined || subject === undefined) return null;
  return new WebPush(settings, { publicKey, privateKey, subject }, outbound, clock);
}

/** One record of aes128gcm; null: with such keys nothing can be. */
function encrypted(payload: string, keys: string | null): Uint8Array<ArrayBuffer> | null {
  try {
    const { p256dh, auth } = keysSchema.parse(JSON.parse(keys ?? "null"));
    return new Uint8Array(encrypt(p256dh, auth, payload, "aes128gcm").cipherText);
  } catch {
    return null;
  }
}

/**
 * A notice that was not delivered yet makes room for the next one of its conversation [RFC 8030 §5.4].
 * Push services do not learn from it whose subscriptions are in one conversation.
 */
function topicOf({ id }: NoticeTarget, { conversationId }: Notice): string {
  const digest = createHash("sha256").update(`${id} ${conversationId}`).digest("base64url");
  return digest.slice(0, TOPIC_LENGTH);
}

function outcomeOf({ status, headers }: OutboundAnswer, host: string, nowMs: number): SendOutcome {
  const reason = `${host} answered ${status}`;
  if (status >= 200 && status < 300) return { kind: "sent" };
  if (status === 404 || status === 410) return { kind: "gone", reason };
  const mayPass = status === 408 || status === 425 || status === 429 || status >= 500;
  if (!mayPass) return { kind: "refused", reason };
  const afterMs = retryAfterMs(headers.get("retry-after"), nowMs);
  return { kind: "retry", blames: blamed(status, afterMs), reason, afterMs };
}
