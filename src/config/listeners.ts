import { z } from "zod";
import { boolean, delayMs, integer, optionalInteger, optionalText } from "./setting.ts";

interface KeyPairFiles {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

function hasKey({ certFile, keyFile }: KeyPairFiles): boolean {
  return certFile === undefined || keyFile !== undefined;
}

function hasCertificate({ certFile, keyFile }: KeyPairFiles): boolean {
  return keyFile === undefined || certFile !== undefined;
}

const port = { min: 0, max: 65_535 };

/** HTTPS and wss instead of HTTP and ws. */
export const tls = z
  .object({
    certFile: optionalText("The PEM certificate, with its chain, for HTTPS and wss."),
    keyFile: optionalText("The PEM key of tls.cert_file."),
    reloadMs: delayMs(
      10_000,
      0,
      "How often the files of certificates are looked at, to put new ones to use; 0 is never.",
    ),
    redirectPort: optionalInteger(
      port,
      "A port that answers plain HTTP with the https URL, usually 80. Without it there is none.",
    ),
    publicPort: optionalInteger(
      { min: 1, max: 65_535 },
      "The port of the https URL that tls.redirect_port names, where clients see another one.",
      "{port}",
    ),
    hstsDays: integer(
      0,
      { min: 0, max: 3_650 },
      "For so many days browsers are to use nothing but https (Strict-Transport-Security); 0 says nothing.",
    ),
  })
  .refine(hasKey, { path: ["keyFile"], message: "a file, since there is a tls.cert_file" })
  .refine(hasCertificate, { path: ["certFile"], message: "a file, since there is a tls.key_file" })
  .refine(({ certFile, redirectPort }) => redirectPort === undefined || certFile !== undefined, {
    path: ["redirectPort"],
    message: "none, since without tls.cert_file there is no https to redirect to",
  });

/** STOMP over TCP. */
export const tcp = z
  .object({
    port: optionalInteger(
      port,
      "The port for STOMP over TCP, usually 61613; 0 picks a free one. Without it there is none.",
    ),
    host: optionalText("The address to listen on for STOMP over TCP.", { defaultText: "{host}" }),
    certFile: optionalText(
      "The PEM certificate, with its chain, for TLS over TCP; without it that of tls.cert_file.",
    ),
    keyFile: optionalText("The PEM key of tcp.cert_file."),
    plain: boolean(false, "STOMP over TCP is without TLS though there is a tls.cert_file."),
  })
  .refine(hasKey, { path: ["keyFile"], message: "a file, since there is a tcp.cert_file" })
  .refine(hasCertificate, { path: ["certFile"], message: "a file, since there is a tcp.key_file" })
  .refine(({ plain, certFile }) => !plain || certFile === undefined, {
    path: ["plain"],
    message: "false, since there is a tcp.cert_file",
  });
