import { z } from "zod";
import { delayMs, integer, isHeaderName, isHttpUrl, list, optionalText } from "./setting.ts";

/** What the call itself says, and what belongs to one connection. */
const OWN_HEADERS = [
  ...["accept", "accept-encoding", "connection", "content-encoding", "content-length"],
  ...["content-type", "expect", "host", "keep-alive", "proxy-authorization", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-parley-signature"],
];

/** The app's endpoint that is asked who connects. */
export const webhook = z
  .object({
    url: optionalText("The app's endpoint that says who connects.", {
      accepts: isHttpUrl,
      expected: "an http or https URL",
      secret: true,
    }),
    secret: optionalText("The key that calls are signed with, in X-Parley-Signature.", {
      accepts: (secret) => Buffer.byteLength(secret) >= 32,
      expected: "at least 32 bytes (`openssl rand -base64 32` makes some)",
      secret: true,
    }),
    forwardHeaders: list(
      "Headers of the request that opens a connection, or of the API request, that are passed on.",
      {
        accepts: (name) => isHeaderName(name) && !OWN_HEADERS.includes(name.toLowerCase()),
        expected: "names of headers that say who sends a request",
        fallback: ["cookie", "authorization"],
      },
    ),
    timeoutMs: delayMs(
      5_000,
      1,
      "The time that an answer may take, with the wait for a free call and the repetition.",
    ),
    concurrentCalls: integer(32, { min: 1, max: 10_000 }, "Calls at a time; others wait."),
    waitingCalls: integer(
      1_000,
      { min: 0, max: 1_000_000 },
      "Callers that may wait; more are refused at once.",
    ),
    failures: integer(
      5,
      { min: 1, max: 10_000 },
      "After so many failures in a row, within webhook.failure_window_ms, nobody is asked for webhook.pause_ms.",
    ),
    failureWindowMs: delayMs(10_000, 1, "The time within which failures count together."),
    pauseMs: delayMs(5_000, 1, "How long the endpoint is left alone; then a single call tries it."),
  })
  .refine(({ url, secret }) => secret === undefined || url !== undefined, {
    path: ["url"],
    message: "a URL, since there is a webhook.secret",
  });
