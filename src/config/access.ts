import { z } from "zod";
import { parseAccessRule } from "./access-rule.ts";
import { list } from "./setting.ts";

/** Who may use topics and work queues. */
export const access = z.object({
  rules: list(
    "What users may do with topics and work queues, as PATTERN subscribe|send|all everyone|role:NAME|user:ID; without any, everything is open to clients of this machine on loopback, and nothing to others.",
    {
      accepts: (rule) => parseAccessRule(rule) !== null,
      expected: "rules such as `/topic/news/** send role:editor|user:alice`",
    },
  ),
});
