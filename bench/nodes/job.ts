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
  pairs: z.number(),
  inFlight: z.number(),
  messagesPerSecond: z.number(),
  warmUpSeconds: z.number(),
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

const crowdSchema = z.object({
  kind: z.literal("crowd"),
  /** How many are there, one after another: they come until the last, and go until the first. */
  users: z.array(z.number()),
  /** All to the first node; else to each node by turns. */
  isOnOneNode: z.boolean(),
  heartbeatMs: z.number(),
  idleSeconds: z.number(),
});

export const workSchema = z.discriminatedUnion("kind", [pairsSchema, groupsSchema, crowdSchema]);

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
export type GroupsWork = z.infer<typeof groupsSchema>;
export type CrowdWork = z.infer<typeof crowdSchema>;
export type NodesWork = z.infer<typeof workSchema>;
export type NodesJob = z.infer<typeof jobSchema>;
export type NodesResult = z.infer<typeof resultSchema>;
