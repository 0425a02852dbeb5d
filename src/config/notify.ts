import { z } from "zod";
import { delayMs, integer } from "./setting.ts";

/** When users who are not there are told, by whichever way, and how long it is tried. */
export const notify = z.object({
  pushDelayMs: delayMs(
    0,
    0,
    "From a message to its push to those who have not read it and are not there.",
  ),
  pushIntervalMs: delayMs(
    5_000,
    0,
    "From one push about a conversation to the next to the same browser or phone, at least; what comes meanwhile is one.",
  ),
  emailDelayMs: delayMs(
    300_000,
    0,
    "From a message to its e-mail to those who have not read it and are not there.",
  ),
  emailIntervalMs: delayMs(
    3_600_000,
    0,
    "From one e-mail about a conversation to the next to the same address, at least.",
  ),
  pushTimeoutMs: delayMs(10_000, 1, "How long a push service has to take a notice."),
  emailTimeoutMs: delayMs(
    30_000,
    1,
    "How long a mail server has to take an e-mail; some greet late, to see who waits.",
  ),
  retryMs: delayMs(
    2_000,
    1,
    "How long after its first failure a notice is tried again, at most; each further failure doubles it.",
  ),
  mostRetryMs: delayMs(600_000, 1, "However often it has failed, it waits no longer than this."),
  giveUpMs: delayMs(
    86_400_000,
    0,
    "What could not be sent for so long, by ten attempts or since its server failed all that time, is a dead letter, and waits to be replayed.",
  ),
  deadLetterDays: integer(
    30,
    { min: 0, max: 36_500 },
    "Dead letters, those of the event webhook too, are kept so many days; 0 keeps them for good.",
  ),
});
