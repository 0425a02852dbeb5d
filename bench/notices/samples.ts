import { z } from "zod";
import { outcomeSchema } from "../measurement.ts";

/** What tells users who are not there: nothing, or a push service that answers, or one that hangs. */
export const PROVIDERS = ["none", "answers", "hangs"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** 1:1 chat of users who are there, beside messages to those who are not. */
export const noticeSampleSchema = outcomeSchema.extend({
  scenario: z.looseObject({ scenario: z.string() }),
  complaints: z.array(z.string()).readonly(),
  round: z.number(),
  provider: z.enum(PROVIDERS),
  /** Messages to users who were not there. */
  toAway: z.number(),
  /** Pushes, or connections that hang. */
  pushes: z.number(),
});
export type NoticeSample = z.infer<typeof noticeSampleSchema>;
