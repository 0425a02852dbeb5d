import { z } from "zod";
import { microSchema, outcomeSchema } from "./measurement.ts";
import { nodesReportSchema } from "./nodes/samples.ts";
import { noticeSampleSchema } from "./notices/samples.ts";
import { peersSchema } from "./peer-samples.ts";

/** Raised when an older file can no longer be read. */
const FORMAT = 2;

const machineSchema = z.object({
  cores: z.number(),
  cpu: z.string(),
  kernel: z.string(),
  bun: z.string(),
  commit: z.string(),
  date: z.string(),
  tcp: z.string(),
  busyShare: z.number(),
});

const resultSchema = outcomeSchema.extend({
  scenario: z.looseObject({ scenario: z.string() }),
  complaints: z.array(z.string()).readonly(),
});

const sampleSchema = resultSchema.extend({
  round: z.number(),
  server: z.enum(["parley", "bare"]),
});

const reportSchema = z.object({
  format: z.literal(FORMAT),
  machine: machineSchema,
  fileSystem: z.string(),
  pinned: z.boolean(),
  quick: z.boolean(),
  /** As it was asked for, after `npm run bench`. */
  flags: z.string(),
  micro: z.array(microSchema),
  load: z.array(resultSchema),
  ratios: z.array(sampleSchema),
  /** Chat beside what tells users who are not there. */
  notices: z.array(noticeSampleSchema).default([]),
  /** Several nodes; null where they were not measured. */
  nodes: nodesReportSchema.nullable().default(null),
  /** The last run of `bench/peers.ts` there was. */
  peers: peersSchema.nullable().default(null),
});

/** Everything of one run: `bench/results/latest.json`. */
export type Report = z.infer<typeof reportSchema>;
export type Result = z.infer<typeof resultSchema>;
export type Sample = z.infer<typeof sampleSchema>;

export function newReport(parts: Omit<Report, "format">): Report {
  return { format: FORMAT, ...parts };
}

/** Throws when it is not one, or one of another format. */
export async function readReport(path: string): Promise<Report> {
  return parseReport(await Bun.file(path).text(), path);
}

/** Throws as `readReport` does. @param path where the text is from */
export function parseReport(text: string, path: string): Report {
  const parsed = reportSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  throw new Error(`${path} is no report of this bench: ${where}${issue?.message}`);
}
