import { createECDH } from "node:crypto";

/** Of the application server, in base64url: a point and a number of P-256 [RFC 8292]. */
export function newVapidKeys(): { readonly publicKey: string; readonly privateKey: string } {
  const pair = createECDH("prime256v1");
  const publicKey = pair.generateKeys().toString("base64url");
  const privateKey = Buffer.alloc(32);
  const number = pair.getPrivateKey();
  number.copy(privateKey, 32 - number.length);
  return { publicKey, privateKey: privateKey.toString("base64url") };
}
