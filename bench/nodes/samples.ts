import { z } from "zod";
import { faultsSchema, latencySchema } from "../measurement.ts";

/** What an installation has used up to now. */
export const usageSchema = z.object({
  /** Of all nodes. */
  nodesCpuSeconds: z.number(),
  redisCpuSeconds: z.number(),
  /** Of all its processes. */
  postgresCpuSeconds: z.number(),
  /** That Redis has taken. */
  publishes: z.number(),
  redisBytesIn: z.number(),
  redisBytesOut: z.number(),
  /** Transactions that wrote something. */
  commits: z.number(),
  walBytes: z.number(),
});

/** What it holds now. */
export const holdingsSchema = z.object({
  /** Of all nodes. */
  nodesRssBytes: z.number(),
  redisBytes: z.number(),
  /** That somebody listens to. */
  redisChannels: z.number(),
  databaseBytes: z.number(),
});

/** What one kind of work took. */
const phaseSchema = z.object({
  /**
   * - `full`: 1:1 messages, as many under way at any time as `size` says
   * - `paced`: 1:1 messages, `size` a second
   * - `groups`: messages to groups of `size`
   * - `arrive`, `leave`: users come until there are `size`, go until there are
   * - `idle`: `size` users do nothing but live
   */
  work: z.enum(["full", "paced", "groups", "arrive", "leave", "idle"]),
  size: z.number(),
  seconds: z.number(),
  /** Messages, arrivals, departures; idle users. */
  count: z.number(),
  /** MESSAGE frames to recipients. */
  deliveries: z.number(),
  /** DELIVERED that came again: each node of a group's members may tell it. */
  repeated: z.number(),
  used: usageSchema,
  before: holdingsSchema,
  after: holdingsSchema,
  latencies: z.array(latencySchema),
  clientCpuSeconds: z.number(),
});

/** In which database, and by what nodes speak with each other. */
export const SETUPS = ["SQLite", "PostgreSQL", "PostgreSQL and Redis"] as const;

/**
 * Where two who write to each other are connected: where a load balancer without memory has put them
 * (of N nodes, on the same one every N-th time), or never to the same.
 */
export const PLACEMENTS = ["spread", "apart"] as const;

export const sampleSchema = z.object({
  round: z.number(),
  setup: z.enum(SETUPS),
  nodes: z.number(),
  placement: z.enum(PLACEMENTS),
  phases: z.array(phaseSchema),
  faults: faultsSchema,
  complaints: z.array(z.string()),
});

/** Memory that a node needs, of what lives after a collection; in bytes of each user. */
export const userMemorySchema = z.object({
  users: z.number(),
  /** Connected to it, with five subscriptions. */
  ownBytes: z.number(),
  /** Connected to another node. */
  othersBytes: z.number(),
});

/** A run of the part `nodes`: `bench/results/nodes.json`. */
export const nodesReportSchema = z.object({
  machine: z.object({
    ...{ commit: z.string(), date: z.string(), busyShare: z.number() },
    ...{ cpu: z.string(), cores: z.number(), kernel: z.string(), bun: z.string() },
  }),
  postgres: z.string(),
  redis: z.string(),
  fileSystem: z.string(),
  quick: z.boolean(),
  samples: z.array(sampleSchema),
  userMemory: userMemorySchema.nullable(),
});

export type Usage = z.infer<typeof usageSchema>;
export type Holdings = z.infer<typeof holdingsSchema>;
export type Phase = z.infer<typeof phaseSchema>;
export type Work = Phase["work"];
export type Setup = (typeof SETUPS)[number];
export type Placement = (typeof PLACEMENTS)[number];
export type NodesSample = z.infer<typeof sampleSchema>;
export type UserMemory = z.infer<typeof userMemorySchema>;
export type NodesReport = z.infer<typeof nodesReportSchema>;
