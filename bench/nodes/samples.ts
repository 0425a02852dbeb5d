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
  /** Between users and nodes, see `Traffic`. */
  framesToUsers: z.number(),
  bytesToUsers: z.number(),
  framesFromUsers: z.number(),
  bytesFromUsers: z.number(),
});

/** What it holds now. */
const holdingsSchema = z.object({
  /** Of all nodes. */
  nodesRssBytes: z.number(),
  redisBytes: z.number(),
  /** That somebody listens to. */
  redisChannels: z.number(),
  databaseBytes: z.number(),
  /** To PostgreSQL, of all nodes. */
  databaseConnections: z.number(),
});

/** What one kind of work took. */
const phaseSchema = z.object({
  /**
   * - `full`: 1:1 messages, as many under way at any time as `size` says
   * - `paced`: 1:1 messages, `size` a second
   * - `readings`: `size` of them read in a second, one by one, and the senders told
   * - `groups`: messages to groups of `size`
   * - `arrive`, `leave`: users come until there are `size`, go until there are
   * - `idle`: `size` users do nothing but live
   * - `visits`: users come one by one, `size` a second, and each goes a second later
   * - `beats`: beside the node there are `size` others, whose users neither come nor go
   * - `changes`: on each of `size` others users come and go one by one
   */
  work: z.enum([
    ...(["full", "paced", "groups", "arrive", "leave", "idle"] as const),
    ...(["readings", "visits", "beats", "changes"] as const),
  ]),
  size: z.number(),
  seconds: z.number(),
  /** Messages, readings, arrivals, departures, visits; idle users; other nodes; changes that others told of. */
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
const SETUPS = ["SQLite", "PostgreSQL", "PostgreSQL and Redis"] as const;

/**
 * Where those who write to each other are connected: where a load balancer without memory has put them
 * (of N nodes, two are on the same one every N-th time); two never to the same; a whole group to one.
 */
export const PLACEMENTS = ["spread", "apart", "gathered"] as const;

export const sampleSchema = z.object({
  round: z.number(),
  setup: z.enum(SETUPS),
  nodes: z.number(),
  placement: z.enum(PLACEMENTS),
  phases: z.array(phaseSchema),
  faults: faultsSchema,
  complaints: z.array(z.string()),
});

/** What a node takes for users of another node, after a collection of its garbage. */
const othersUsersSchema = z.object({
  /** Of each user's. */
  idBytes: z.number(),
  nameBytes: z.number(),
  /** With more and more of them. */
  steps: z.array(
    z.object({
      users: z.number(),
      /** Living objects, and what lives beside them. */
      liveBytes: z.number(),
      rssBytes: z.number(),
    }),
  ),
});

/** What the part `nodes` of a run measured. */
export const nodesReportSchema = z.object({
  /** Their versions. */
  postgres: z.string(),
  redis: z.string(),
  /** Of one row each that PostgreSQL makes in a second, for so many clients that each wait for their own. */
  commits: z.array(z.object({ clients: z.number(), perSecond: z.number() })),
  samples: z.array(sampleSchema),
  othersUsers: othersUsersSchema,
});

export type Usage = z.infer<typeof usageSchema>;
export type Holdings = z.infer<typeof holdingsSchema>;
export type Phase = z.infer<typeof phaseSchema>;
export type Work = Phase["work"];
export type Setup = (typeof SETUPS)[number];
export type Placement = (typeof PLACEMENTS)[number];
export type NodesSample = z.infer<typeof sampleSchema>;
export type OthersUsers = z.infer<typeof othersUsersSchema>;
export type NodesReport = z.infer<typeof nodesReportSchema>;
