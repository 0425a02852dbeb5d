import { expect, test } from "bun:test";
import { createECDH, randomBytes } from "node:crypto";
import { encrypt } from "web-push";
import { decryptPush, recipientOf } from "../support/aes128gcm.ts";

/** [RFC 8291 Appendix A] */
const EXAMPLE = {
  privateKey: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
  message: [
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml",
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT",
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
  ].join(""),
  text: "When I grow up, I want to be a watermelon",
};

test("the tests' browser decrypts the specification's example", () => {
  const recipient = recipientOf(EXAMPLE.privateKey, EXAMPLE.auth);
  const message = Buffer.from(EXAMPLE.message, "base64url");
  expect(decryptPush(message, recipient).toString()).toBe(EXAMPLE.text);
});

test("and nothing that has been changed, or is for another one", () => {
  const recipient = recipientOf(EXAMPLE.privateKey, EXAMPLE.auth);
  const message = Buffer.from(EXAMPLE.message, "base64url");
  for (const at of [0, 30, message.length - 1]) {
    const changed = Buffer.from(message);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => decryptPush(changed, recipient)).toThrow();
  }
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  expect(() => decryptPush(message, { ...recipient, pair })).toThrow();
  expect(() => decryptPush(message, { ...recipient, auth: randomBytes(16) })).toThrow();
});

test("what the server's library encrypts it decrypts", () => {
  const pair = createECDH("prime256v1");
  const p256dh = pair.generateKeys().toString("base64url");
  const auth = randomBytes(16);
  const text = "a".repeat(3_993);
  const { cipherText } = encrypt(p256dh, auth.toString("base64url"), text, "aes128gcm");
  expect(cipherText.length).toBe(4_096);
  expect(decryptPush(cipherText, { pair, auth }).toString()).toBe(text);
});
