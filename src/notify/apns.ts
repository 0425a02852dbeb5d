import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { apnsOutcome, isTokenRefused } from "./apns-outcome.ts";
import { ApnsProviderTokens, type ProviderToken, readApnsKey } from "./apns-provider-token.ts";
import { Http2Peer, type Http2Request } from "./http2-peer.ts";
import { collapseId, mobileData, mobileText, soleNotice } from "./mobile-notice.ts";
import type { Delivery, NoticeProvider, SendOutcome } from "./provider.ts";
import { retryAfterMs } from "./retry-after.ts";
import { type VendorAnswer, VendorFault } from "./vendor-call.ts";

const ORIGINS = {
  production: "https://api.push.apple.com",
  sandbox: "https://api.sandbox.push.apple.com",
} as const;

export type ApnsSettings = Settings["apns"];

/**
 * null: no key file is set. Throws INVALID_CONFIGURATION for one that cannot be used. Apple is not
 * connected to before the first notice.
 *
 * @param trust certificates in PEM that are trusted in place of the system's
 */
export function openApns(
  settings: ApnsSettings,
  clock: Clock,
  trust: { readonly ca?: string } = {},
): NoticeProvider | null {
  const { keyFile, keyId, teamId, topic } = settings;
  // The settings demand all of them or none.
  if (keyFile === undefined || keyId === undefined) return null;
  if (teamId === undefined || topic === undefined) return null;
  const key = { key: readApnsKey(keyFile), keyId, teamId };
  const { origin, host } = new URL(settings.endpoint ?? ORIGINS[settings.environment]);
  return new ApnsProvider({
    ...{ settings, topic, clock, tokens: new ApnsProviderTokens(key, clock) },
    ...{ server: host, peer: new Http2Peer({ origin, ca: trust.ca, clock }) },
  });
}

interface ApnsProviderOptions {
  readonly settings: Pick<ApnsSettings, "concurrency" | "showContent" | "ttlMs">;
  readonly topic: string;
  readonly clock: Clock;
  readonly tokens: ApnsProviderTokens;
  /** Of `peer`. */
  readonly server: string;
  readonly peer: Http2Peer;
}

/** Apple Push Notification service. A target's address is a device token in hexadecimal. */
class ApnsProvider implements NoticeProvider {
  readonly channel = "apns";
  readonly server: string;
  readonly concurrency: number;
  readonly gathers = false;
  readonly #options: ApnsProviderOptions;

  constructor(options: ApnsProviderOptions) {
    this.#options = options;
    this.server = options.server;
    this.concurrency = options.settings.concurrency;
  }

  async send(delivery: Delivery, signal: AbortSignal): Promise<SendOutcome> {
    const { tokens } = this.#options;
    const { target } = delivery;
    if (!/^[0-9a-f]+$/i.test(target.address)) {
      return { kind: "gone", reason: "APNs: the address is no device token" };
    }
    const request = this.#request(delivery);
    try {
      const token = tokens.current();
      const answer = await this.#post(request, token, signal);
      if (!isTokenRefused(answer)) return apnsOutcome(answer, target);
      const another = tokens.inPlaceOf(token);
      if (another === null) return apnsOutcome(answer, target);
      return apnsOutcome(await this.#post(request, another, signal), target);
    } catch (fault) {
      if (!(fault instanceof VendorFault)) throw fault;
      const { message, afterMs } = fault;
      return { kind: "retry", blames: "provider", reason: `APNs: ${message}`, afterMs };
    }
  }

  stop(): Promise<void> {
    this.#options.peer.stop();
    return Promise.resolve();
  }

  async #post(request: Http2Request, token: ProviderToken, signal: AbortSignal) {
    const { peer, clock } = this.#options;
    const headers = { ...request.headers, authorization: `bearer ${await token.text}` };
    const answer = await peer.post({ ...request, headers }, signal);
    const afterMs = retryAfterMs(answer.headers["retry-after"], clock.now());
    return { status: answer.status, afterMs, body: answer.body } satisfies VendorAnswer;
  }

  /** See Apple's "Sending notification requests to APNs", and "Generating a remote notification". */
  #request(delivery: Delivery): Http2Request {
    const { topic, clock } = this.#options;
    const { showContent, ttlMs } = this.#options.settings;
    const notice = soleNotice(delivery);
    const { title, body } = mobileText(notice, showContent);
    const expirationSeconds = ttlMs === 0 ? 0 : Math.floor((clock.now() + ttlMs) / 1000);
    const aps = {
      alert: { title, ...(body !== "" && { body }) },
      "thread-id": notice.conversationId,
      sound: "default",
      "mutable-content": 1,
    };
    return {
      headers: {
        ":path": `/3/device/${delivery.target.address}`,
        "content-type": "application/json",
        "apns-id": uuidOf(notice.key),
        "apns-topic": topic,
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": String(expirationSeconds),
        "apns-collapse-id": collapseId(notice.conversationId),
      },
      body: JSON.stringify({ aps, ...mobileData(notice, showContent) }),
    };
  }
}

/** A UUID of the kind whose bits mean what the application likes. [RFC 9562 §5.8] */
function uuidOf(key: string): string {
  const variant = ((Number.parseInt(key.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const digits = `${key.slice(0, 12)}8${key.slice(13, 16)}${variant}${key.slice(17)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
