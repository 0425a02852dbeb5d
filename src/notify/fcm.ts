import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { abortable } from "./abortable.ts";
import { fcmOutcome, isUnauthorised } from "./fcm-outcome.ts";
import { GoogleAccessToken } from "./google-access-token.ts";
import { collapseId, mobileData, mobileText, soleNotice } from "./mobile-notice.ts";
import type { Delivery, NoticeProvider, SendOutcome } from "./provider.ts";
import { readServiceAccount, type ServiceAccount } from "./service-account.ts";
import { callVendor, type VendorAnswer, VendorFault } from "./vendor-call.ts";

const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";

export type FcmSettings = Settings["fcm"];

/**
 * null: no key file is set. Throws INVALID_CONFIGURATION for one that cannot be used. Nothing is
 * asked of Google before the first notice.
 */
export function openFcm(settings: FcmSettings, clock: Clock): NoticeProvider | null {
  const { serviceAccountFile } = settings;
  if (serviceAccountFile === undefined) return null;
  return new FcmProvider(settings, readServiceAccount(serviceAccountFile), clock);
}

/** Firebase Cloud Messaging, HTTP v1. A target's address is a registration token. */
class FcmProvider implements NoticeProvider {
  readonly channel = "fcm";
  readonly server: string;
  readonly concurrency: number;
  readonly gathers = false;
  readonly #settings: FcmSettings;
  readonly #clock: Clock;
  readonly #url: string;
  readonly #token: GoogleAccessToken;

  constructor(settings: FcmSettings, account: ServiceAccount, clock: Clock) {
    this.concurrency = settings.concurrency;
    this.#settings = settings;
    this.#clock = clock;
    const path = `/v1/projects/${encodeURIComponent(account.projectId)}/messages:send`;
    const url = new URL(path, settings.endpoint);
    this.#url = url.href;
    this.server = url.host;
    this.#token = new GoogleAccessToken(account, SCOPE, clock);
  }

  async send(delivery: Delivery, signal: AbortSignal): Promise<SendOutcome> {
    const body = JSON.stringify({ message: this.#message(delivery) });
    try {
      const token = await abortable(this.#token.current(), signal);
      const answer = await this.#post(body, token, signal);
      if (!isUnauthorised(answer)) return fcmOutcome(answer);
      this.#token.discard(token);
      const another = await abortable(this.#token.current(), signal);
      return fcmOutcome(await this.#post(body, another, signal));
    } catch (fault) {
      if (!(fault instanceof VendorFault)) throw fault;
      const { message, afterMs } = fault;
      return { kind: "retry", blames: "provider", reason: `FCM: ${message}`, afterMs };
    }
  }

  stop(): Promise<void> {
    this.#token.stop();
    return Promise.resolve();
  }

  #post(body: string, token: string, signal: AbortSignal): Promise<VendorAnswer> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return callVendor(this.#url, { headers, body }, { clock: this.#clock, signal });
  }

  /** `projects.messages` of the reference. */
  #message(delivery: Delivery) {
    const { showContent, ttlMs } = this.#settings;
    const notice = soleNotice(delivery);
    const { title, body } = mobileText(notice, showContent);
    const collapse = collapseId(notice.conversationId);
    const ttlSeconds = Math.floor(ttlMs / 1000);
    const expiration = ttlMs === 0 ? 0 : Math.floor(this.#clock.now() / 1000) + ttlSeconds;
    return {
      token: delivery.target.address,
      notification: { title, ...(body !== "" && { body }) },
      data: mobileData(notice, showContent),
      android: {
        collapse_key: collapse,
        priority: "HIGH",
        ttl: `${ttlSeconds}s`,
        notification: { tag: notice.conversationId },
      },
      apns: {
        headers: {
          "apns-collapse-id": collapse,
          "apns-priority": "10",
          "apns-expiration": String(expiration),
        },
        payload: {
          aps: { "thread-id": notice.conversationId, sound: "default", "mutable-content": 1 },
        },
      },
    };
  }
}
