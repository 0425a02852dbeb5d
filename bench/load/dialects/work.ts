import { z } from "zod";
import { DIALECTS, type DialectName } from "./all.ts";

const dialectNames = Object.keys(DIALECTS) as [DialectName, ...DialectName[]];

const loadWorkSchema = z.object({
  /** `fan-out`: one publishes to all; `one-to-one`: each in turn to the channel of another. */
  work: z.enum(["fan-out", "one-to-one"]),
  /** Subscribed connections. */
  receivers: z.number(),
  /** Messages under way, a closed loop for each. */
  windows: z.array(z.number()),
  warmUpSeconds: z.number(),
  /** Of each loop. */
  seconds: z.number(),
});

const idleWorkSchema = z.object({
  work: z.literal("idle"),
  connections: z.number(),
  /** Connected before the first look at the server's memory. */
  warmUpConnections: z.number(),
});

const workSchema = z.discriminatedUnion("work", [loadWorkSchema, idleWorkSchema]);

/** What one client process does to one server, its only argument. */
export const peerJobSchema = z.object({
  dialect: z.enum(dialectNames),
  port: z.number(),
  /** The server's processes, each with all below it. */
  serverPids: z.array(z.number()),
  work: workSchema,
});

const peerFaultsSchema = z.object({
  lost: z.number(),
  doubled: z.number(),
  /** A later message of the same sender overtook it. */
  disordered: z.number(),
  disconnected: z.number(),
});

const peerLoadSchema = z.object({
  kind: z.literal("load"),
  work: z.enum(["fan-out", "one-to-one"]),
  receivers: z.number(),
  inFlight: z.number(),
  seconds: z.number(),
  messages: z.number(),
  deliveries: z.number(),
  /** From the publish to the last of its receivers. */
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Of all its processes. */
  serverCpuSeconds: z.number(),
  serverRssBytes: z.number(),
  /** Its spinning aside; when it nears `seconds`, the client is the bottleneck. */
  clientCpuSeconds: z.number(),
});

const peerIdleSchema = z.object({
  kind: z.literal("idle"),
  connections: z.number(),
  rssBytesBefore: z.number(),
  rssBytesAfter: z.number(),
});

export const peerOutcomeSchema = z.object({
  measurements: z.array(z.discriminatedUnion("kind", [peerLoadSchema, peerIdleSchema])),
  /** Of everything that it did, warm-up too. */
  faults: peerFaultsSchema,
});

export type LoadWork = z.infer<typeof loadWorkSchema>;
export type IdleWork = z.infer<typeof idleWorkSchema>;
export type PeerWork = z.infer<typeof workSchema>;
export type PeerJob = z.infer<typeof peerJobSchema>;
export type PeerFaults = z.infer<typeof peerFaultsSchema>;
export type PeerLoad = z.infer<typeof peerLoadSchema>;
export type PeerIdle = z.infer<typeof peerIdleSchema>;
export type PeerOutcome = z.infer<typeof peerOutcomeSchema>;

export function noPeerFaults(): PeerFaults {
  return { lost: 0, doubled: 0, disordered: 0, disconnected: 0 };
}
