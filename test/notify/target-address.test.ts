import { expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import type { NoticeChannel } from "../../src/notify/provider.ts";
import { type PushKeys, storedAddress } from "../../src/notify/target-address.ts";
import { pushKeys } from "../support/push-subscription.ts";

const KEYS = pushKeys();
const ENDPOINT = "https://push.example/wpush/v2/gAAAA-b_c";

/** The address as it is kept, or what it is refused with. */
function kept(
  channel: NoticeChannel,
  address: string,
  keys: PushKeys | null = channel === "webpush" ? KEYS : null,
): string {
  try {
    return storedAddress({ channel, address, keys }, () => null).address;
  } catch (fault) {
    if (!(fault instanceof AppError)) throw fault;
    expect(fault.code).toBe("VALIDATION_FAILED");
    return fault.message;
  }
}

const label = (length: number) => "a".repeat(length);

test.each([
  ["webpush", ENDPOINT, ENDPOINT],
  ["webpush", "HTTPS://Push.Example:443/a?token=B%2b#part", "https://push.example/a?token=B%2b"],
  ["fcm", "dGhl:APA91b_-Z", "dGhl:APA91b_-Z"],
  ["fcm", "x".repeat(2_048), "x".repeat(2_048)],
  ["apns", "00FCaf".repeat(16), "00fcaf".repeat(16)],
  ["apns", "a".repeat(200), "a".repeat(200)],
  ["email", "Ada.Lovelace+chat@Mail.Example.ORG", "Ada.Lovelace+chat@mail.example.org"],
  ["email", "o'neil/x=y@xn--bcher-kva.example", "o'neil/x=y@xn--bcher-kva.example"],
  ["email", `${label(64)}@example.org`, `${label(64)}@example.org`],
] as const)("%s: %s is kept as %s", (channel, address, expected) => {
  expect(kept(channel, address)).toBe(expected);
});

test.each([
  ["webpush", "push.example", "is not a URL"],
  ["webpush", "", "is not a URL"],
  ["fcm", "", "is not a registration token"],
  ["fcm", "two words", "is not a registration token"],
  ["fcm", "line\n", "is not a registration token"],
  ["fcm", "tökén", "is not a registration token"],
  ["fcm", "x".repeat(2_049), "has more than 2048 characters"],
  ["apns", "a".repeat(63), "is not a device token in hexadecimal digits"],
  ["apns", "a".repeat(201), "is not a device token in hexadecimal digits"],
  ["apns", "g".repeat(64), "is not a device token in hexadecimal digits"],
  ["apns", `${"a".repeat(64)}\n`, "is not a device token in hexadecimal digits"],
  ["email", "ada", "is not an e-mail address"],
  ["email", "@example.org", "is not an e-mail address"],
  ["email", "ada@localhost", "is not an e-mail address"],
  ["email", "ada@127.0.0.1", "is not an e-mail address"],
  ["email", "ada@[127.0.0.1]", "is not an e-mail address"],
  ["email", ".ada@example.org", "is not an e-mail address"],
  ["email", "a..da@example.org", "is not an e-mail address"],
  ["email", "ada@-example.org", "is not an e-mail address"],
  ["email", "ada@example..org", "is not an e-mail address"],
  ["email", "ada@example.org.", "is not an e-mail address"],
  ["email", "ada@bücher.example", "is not an e-mail address"],
  ["email", "ada@example.org, eve@example.org", "is not an e-mail address"],
  ["email", "Ada <ada@example.org>", "is not an e-mail address"],
  ["email", "ada@example.org\r\nBcc: eve@example.org", "is not an e-mail address"],
  ["email", "ada@example.org\n", "is not an e-mail address"],
  ["email", `${label(65)}@example.org`, "is not an e-mail address"],
  ["email", `ada@${label(64)}.org`, "is not an e-mail address"],
  ["email", `ada@${`${label(60)}.`.repeat(4)}example`, "is not an e-mail address"],
] as const)("%s: %j is refused: it %s", (channel, address, fault) => {
  expect(kept(channel, address)).toBe(`address: ${fault}`);
});

test.each(["a", "a.", "a-", "@a", "a@a."])(
  "%s, again and again, is looked at in no time",
  (part) => {
    const address = part.repeat(2_048).slice(0, 2_048);
    expect(kept("email", address)).toBe("address: is not an e-mail address");
  },
);

test("a push subscription has the keys of a browser", () => {
  const notOnCurve = Buffer.from(KEYS.p256dh, "base64url").fill(1, 1).toString("base64url");
  const compressed = Buffer.alloc(33, 2).toString("base64url");
  const point = "keys.p256dh: is not a point of P-256 in base64url";
  const bytes = "keys.auth: is not 16 bytes in base64url";
  expect(kept("webpush", ENDPOINT, null)).toBe("keys: are needed for a push subscription");
  for (const p256dh of ["", notOnCurve, compressed, `${KEYS.p256dh}=`, KEYS.p256dh.slice(2)]) {
    expect(kept("webpush", ENDPOINT, { ...KEYS, p256dh })).toBe(point);
  }
  for (const auth of ["", KEYS.auth.slice(4), `${KEYS.auth}AAAA`, "+".repeat(22)]) {
    expect(kept("webpush", ENDPOINT, { ...KEYS, auth })).toBe(bytes);
  }
  const stored = storedAddress({ channel: "webpush", address: ENDPOINT, keys: KEYS }, () => null);
  expect(JSON.parse(stored.keys ?? "")).toEqual(KEYS);
});

test.each(["fcm", "apns", "email"] as const)("no target of %s has keys", (channel) => {
  expect(kept(channel, "x", KEYS)).toBe("keys: are of push subscriptions alone");
});
