import { createHmac } from "node:crypto";

/** [Standard Webhooks 1.0.0 §Signature scheme] How a secret is written that is random bytes. */
const BASE64_PREFIX = "whsec_";

/** Signs what is sent, so that the receiver knows who has sent it, and when. */
export class WebhookSigner {
  readonly #keys: readonly Buffer[];

  /**
   * @param secrets `whsec_` and the key's bytes in base64, or any other text, whose bytes are the key;
   *   while one takes the place of another, both: receivers take
   *   either signature
   */
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
