import { z } from "zod";
import { optionalInteger, optionalText } from "./setting.ts";

/** STOMP over TCP. */
export const tcp = z
  .object({
    port: optionalInteger(
      { min: 0, max: 65_535 },
      "The port for STOMP over TCP, usually 61613; 0 picks a free one. Without it there is none.",
    ),
    host: optionalText("The address to listen on for STOMP over TCP.", { defaultText: "{host}" }),
    certFile: optionalText("The PEM certificate, with its chain, for TLS over TCP."),
    keyFile: optionalText("The PEM key of tcp.cert_file."),
  })
  .refine(({ certFile, keyFile }) => certFile === undefined || keyFile !== undefined, {
    path: ["keyFile"],
    message: "a file, since there is a tcp.cert_file",
  })
  .refine(({ certFile, keyFile }) => keyFile === undefined || certFile !== undefined, {
    path: ["certFile"],
    message: "a file, since there is a tcp.key_file",
  });
