import { constants } from "node:crypto";
import type { TLSOptions } from "bun";

/** With forward secrecy and authenticated encryption; those of TLS 1.3 all are so. */
const CIPHERS_OF_TLS_1_2 = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** For a listener: TLS 1.2 or later. */
export function tlsOptions(pem: { readonly cert: string; readonly key: string }): TLSOptions {
  return {
    ...{ cert: pem.cert, key: pem.key, ciphers: CIPHERS_OF_TLS_1_2.join(":") },
    secureOptions: constants.SSL_OP_NO_TLSv1 | constants.SSL_OP_NO_TLSv1_1,
  };
}
