import { createDecipheriv, createECDH, type ECDH, hkdfSync } from "node:crypto";

const CURVE = "prime256v1";
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const POINT_BYTES = 65;
/** Behind the last record's text [RFC 8188 §2]. */
const LAST_RECORD = 2;

/** The half of a push subscription that never leaves the browser, and the secret that both know. */
export interface Recipient {
  readonly pair: ECDH;
  readonly auth: Buffer;
}

export function recipientOf(privateKey: string, auth: string): Recipient {
  const pair = createECDH(CURVE);
  pair.setPrivateKey(Buffer.from(privateKey, "base64url"));
  return { pair, auth: Buffer.from(auth, "base64url") };
}

/**
 * What a push message says [RFC 8291 §3.4 and §4]: written from the specification, not from a library
 * that encrypts. Throws when it is not a message for that recipient, or not as it must be.
 */
export function decryptPush(message: Uint8Array, { pair, auth }: Recipient): Buffer {
  const bytes = Buffer.from(message);
  const salt = bytes.subarray(0, SALT_BYTES);
  const recordBytes = bytes.readUInt32BE(SALT_BYTES);
  const idBytes = bytes.readUInt8(SALT_BYTES + 4);
  if (idBytes !== POINT_BYTES) throw new Error(`the key id has ${idBytes} bytes`);
  const headBytes = SALT_BYTES + 4 + 1 + idBytes;
  const sender = bytes.subarray(headBytes - idBytes, headBytes);
  const record = bytes.subarray(headBytes);
  if (record.length > recordBytes) throw new Error("there is more than one record");

  const info = Buffer.concat([Buffer.from("WebPush: info\0"), pair.getPublicKey(), sender]);
  const secret = derive(pair.computeSecret(sender), auth, info, 32);
  const key = derive(secret, salt, "Content-Encoding: aes128gcm\0", 16);
  const nonce = derive(secret, salt, "Content-Encoding: nonce\0", 12);
  const decipher = createDecipheriv("aes-128-gcm", key, nonce);
  decipher.setAuthTag(record.subarray(-TAG_BYTES));
  const padded = Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()]);
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded[end] !== LAST_RECORD) throw new Error("the record is not the last one");
  return padded.subarray(0, end);
}

function derive(secret: Buffer, salt: Buffer, info: string | Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, info, bytes));
}
