import { boolean, integer } from "./setting.ts";

const DAY_MS = 86_400_000;

/** What is said of the services of both vendors. */
export function mobilePush(vendor: string) {
  return {
    showContent: boolean(
      true,
      `Notices say what messages say and who sent them, which ${vendor} can read; else only that there are messages, and in which conversation.`,
    ),
    ttlMs: integer(
      7 * DAY_MS,
      { min: 0, max: 28 * DAY_MS },
      `How long ${vendor} keeps a notice for a device that is not reached; 0 is not at all.`,
      "milliseconds",
    ),
    concurrency: integer(32, { min: 1, max: 10_000 }, "Notices that are sent at a time."),
  };
}
