import { createHmac } from "node:crypto";

/** [Standard Webhooks 1.0.0 §Signature scheme] How a secret is written that is random bytes. */
const BASE64_PREFIX = "whsec_";

const FEWEST_BYTES = 24;
const MOST_BYTES = 64;
const FEWEST_TEXT_BYTES = 32;

/** Of 24 to 64 bytes in base64 behind `whsec_`, or any other text of at least 32 bytes. */
export function isWebhookSecret(secret: string): boolean {
  if (!secret.startsWith(BASE64_PREFIX)) return Buffer.byteLength(secret) >= FEWEST_TEXT_BYTES;
  const encoded = secret.slice(BASE64_PREFIX.length);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) {
    return false;
  }
  const { length } = Buffer.from(encoded, "base64");
  return length >= FEWEST_BYTES && length <= MOST_BYTES;
}

/** Signs what is sent, so that the receiver knows who has sent it, and when. */
export class WebhookSigner {
  readonly #keys: readonly Buffer[];

  /** @param secrets while one takes the place of another, both: receivers take either signature */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map(keyOf);
  }

  /**
   * [Standard Webhooks 1.0.0 §Webhook headers]
   *
   * @param id of the event, without a dot
   * @param nowMs when it is sent, which is another time at each attempt
   */
  headers(id: string, nowMs: number, body: string): Record<string, string> {
    const seconds = String(Math.floor(nowMs / 1_000));
    const signatures = this.#keys.map((key) => {
      const hmac = createHmac("sha256", key).update(`${id}.${seconds}.${body}`);
      return `v1,${hmac.digest("base64")}`;
    });
    return {
      "webhook-id": id,
      "webhook-timestamp": seconds,
      "webhook-signature": signatures.join(" "),
    };
  }
}

function keyOf(secret: string): Buffer {
  return secret.startsWith(BASE64_PREFIX)
    ? Buffer.from(secret.slice(BASE64_PREFIX.length), "base64")
    : Buffer.from(secret, "utf8");
}
