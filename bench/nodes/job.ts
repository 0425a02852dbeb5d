import { z } from "zod";
import { faultsSchema } from "../measurement.ts";
import { PLACEMENTS, sampleSchema } from "./samples.ts";

const installationSchema = z.object({
  nodes: z.array(z.object({ port: z.number(), pid: z.number() })).min(1),
  apiKey: z.string(),
  redis: z.object({ port: z.number(), pid: z.number() }).nullable(),
  postgres: z
    .object({ pid: z.number(), path: z.string(), username: z.string(), database: z.string() })
    .nullable(),
});

const pairsSchema = z.object({
  kind: z.literal("pairs"),
  /** Each node brings its own, so that it has as much to do beside others as alone. */
  pairsOfNode: z.number(),
  inFlightOfNode: z.number(),
  messagesPerSecond: z.number(),
  /** That come before what is measured. */
  warmUpMessagesOfNode: z.number(),
  /** Of each phase. */
  seconds: z.number(),
});

const groupsSchema = z.object({
  kind: z.literal("groups"),
  groups: z.number(),
  members: z.number(),
  messagesPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const readingsSchema = z.object({
  kind: z.literal("readings"),
  pairs: z.number(),
  readingsPerSecond: z.number(),
  /** Of what is not measured. */
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const crowdSchema = z.object({
  kind: z.literal("crowd"),
  /** How many are there, one after another: they come until the last, and go until the first. */
  users: z.array(z.number()),
  heartbeatMs: z.number(),
  idleSeconds: z.number(),
  /** Before the first of them is there. */
  visitsPerSecond: z.number(),
  visitSeconds: z.number(),
});

const othersSchema = z.object({
  kind: z.literal("others"),
  /** How many other nodes there are beside the installation's, one after another. */
  others: z.array(z.number()),
  /** Of users of all of them together. */
  changesPerSecond: z.number(),
  /** Of each phase. */
  seconds: z.number(),
});

const workSchema = z.discriminatedUnion("kind", [
  ...([pairsSchema, readingsSchema, groupsSchema, crowdSchema, othersSchema] as const),
]);

/** What one client process does, its only argument. */
export const jobSchema = z.object({
  installation: installationSchema,
  placement: z.enum(PLACEMENTS),
  work: workSchema,
});

/** What it found out. */
export const resultSchema = z.object({
  phases: sampleSchema.shape.phases,
  faults: faultsSchema,
});

export type InstallationTarget = z.infer<typeof installationSchema>;
export type PairsWork = z.infer<typeof pairsSchema>;
export type ReadingsWork = z.infer<typeof readingsSchema>;
export type GroupsWork = z.infer<typeof groupsSchema>;
export type CrowdWork = z.infer<typeof crowdSchema>;
export type OthersWork = z.infer<typeof othersSchema>;
export type NodesWork = z.infer<typeof workSchema>;
export type NodesJob = z.infer<typeof jobSchema>;
export type NodesResult = z.infer<typeof resultSchema>;
