import { createECDH, ECDH } from "node:crypto";
import { z } from "zod";
import { boolean, choice, integer, optionalText } from "./setting.ts";

const MOST_TTL_S = 2_419_200;
/** Bun has 256 calls under way at a time, and whoever connects must not wait for push services. */
const MOST_AT_A_TIME = 128;
const POINT_BYTES = 65;
const SCALAR_BYTES = 32;

/** Notices in browsers, also where no page is open (RFC 8030). On where its keys are set. */
export const webpush = z
  .object({
    publicKey: optionalText(
      "The key by which push services know this installation (VAPID); browsers subscribe with it. `parley keys vapid` makes a pair.",
      {
        accepts: (text) => publicPointIn(text) !== null,
        expected: "a point of P-256, uncompressed, in base64url (`parley keys vapid` makes one)",
      },
    ),
    privateKey: optionalText("The private key of webpush.public_key.", {
      accepts: (text) => pointOf(text) !== null,
      expected: "a private key of P-256 in base64url (`parley keys vapid` makes one)",
      secret: true,
    }),
    subject: optionalText("Whom a push service asks when something is wrong with what is sent.", {
      accepts: isSubject,
      expected: "a mailto: or https: URL, such as mailto:operator@chat.example",
    }),
    ttlS: integer(
      MOST_TTL_S,
      { min: 0, max: MOST_TTL_S },
      "How long a push service keeps a notice for a browser that is not running.",
      "seconds",
    ),
    urgency: choice(
      ["auto", "very-low", "low", "normal", "high"],
      "auto",
      "How soon a device is woken for a notice; auto is high for direct messages and for mentions, normal for others.",
    ),
    showContent: boolean(
      true,
      "Notices say who wrote and what; else only in which conversation, and how many messages.",
    ),
    concurrency: integer(
      32,
      { min: 1, max: MOST_AT_A_TIME },
      "Notices that are sent at a time; to one push service half of them at most.",
    ),
  })
  .refine(...needed("publicKey"))
  .refine(...needed("privateKey"))
  .refine(...needed("subject"))
  .refine(
    ({ publicKey, privateKey }) => {
      if (publicKey === undefined || privateKey === undefined) return true;
      const [point, own] = [publicPointIn(publicKey), pointOf(privateKey)];
      return point === null || own === null || own.equals(point); // Their own checks tell of null.
    },
    { path: ["publicKey"], message: "the public key of webpush.private_key" },
  );

interface Identity {
  readonly publicKey?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly subject?: string | undefined;
}

function needed(name: keyof Identity): [check: (keys: Identity) => boolean, params: object] {
  return [
    (keys) =>
      keys[name] !== undefined ||
      [keys.publicKey, keys.privateKey, keys.subject].every((value) => value === undefined),
    {
      path: [name],
      message: "one, since webpush.public_key, private_key and subject are set together",
    },
  ];
}

/** null: the text is no point of the curve. */
function publicPointIn(text: string): Buffer | null {
  const point = bytesIn(text);
  if (point?.length !== POINT_BYTES) return null;
  try {
    ECDH.convertKey(point, "prime256v1");
    return point;
  } catch {
    return null;
  }
}

/** Of a private key the public one; null: the text is none. */
function pointOf(privateKey: string): Buffer | null {
  const scalar = bytesIn(privateKey);
  if (scalar?.length !== SCALAR_BYTES) return null;
  try {
    const pair = createECDH("prime256v1");
    pair.setPrivateKey(scalar);
    return pair.getPublicKey();
  } catch {
    return null;
  }
}

/** null: the text is not what base64url makes of bytes. */
function bytesIn(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : null;
}

/** [RFC 8292 §2.1] */
function isSubject(text: string): boolean {
  if (/^mailto:[^\s@]+@[^\s@]+$/.test(text)) return true;
  return text.startsWith("https://") && URL.canParse(text);
}
