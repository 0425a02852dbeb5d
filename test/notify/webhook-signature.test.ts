import { expect, test } from "bun:test";
import { WebhookSigner } from "../../src/notify/webhook-signature.ts";

/** Of the standard's own libraries. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT_MS = 1_614_265_330_999;
const BODY = '{"test": 2432232314}';
const SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

test("what is sent is signed as Standard Webhooks says", () => {
  expect(new WebhookSigner([SECRET]).headers(ID, SENT_MS, BODY)).toEqual({
    "webhook-id": ID,
    "webhook-timestamp": "1614265330",
    "webhook-signature": SIGNATURE,
  });
});

test("several secrets make several signatures", () => {
  const other = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
  const headers = new WebhookSigner([other, SECRET]).headers(ID, SENT_MS, BODY);
  const [first, second, ...more] = (headers["webhook-signature"] ?? "").split(" ");
  expect(first).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  expect(first).not.toBe(SIGNATURE);
  expect([second, ...more]).toEqual([SIGNATURE]);
});

test("of a secret that is any other text, its bytes are the key", () => {
  const text = "a secret that is no base64 but long enough – über";
  const encoded = `whsec_${Buffer.from(text).toString("base64")}`;
  const [asText, asBase64] = [text, encoded].map((secret) =>
    new WebhookSigner([secret]).headers(ID, SENT_MS, BODY),
  );
  expect(asText).toEqual(asBase64);
});
