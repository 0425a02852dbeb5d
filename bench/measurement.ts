import { z } from "zod";

/** One distribution of times, in milliseconds. */
export const latencySchema = z.object({
  name: z.string(),
  count: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  p999Ms: z.number(),
  p9999Ms: z.number(),
  maxMs: z.number(),
  /** Of them, within the 100 ms that users were promised; not there without any. */
  promisedShare: z.number().optional(),
});

export const faultsSchema = z.object({
  lost: z.number(),
  doubled: z.number(),
  disordered: z.number(),
  /** The server said that it cannot take so many: a limit, while all else here must be zero. */
  refused: z.number(),
  /** Connections that ended before the scenario did. */
  disconnected: z.number(),
});

const loadSchema = z.object({
  kind: z.literal("load"),
  name: z.string(),
  /** From the first send until all was received. */
  seconds: z.number(),
  /** Sent by clients in that time. */
  messages: z.number(),
  /** MESSAGE frames that reached subscribers; confirmations are not counted. */
  deliveries: z.number(),
  latencies: z.array(latencySchema),
  serverCpuSeconds: z.number(),
  serverRssBytes: z.number(),
  /** Its spinning aside; when it nears `seconds`, the client is the bottleneck. */
  clientCpuSeconds: z.number(),
  /** Where it belongs to the scenario: connections that the server ended, their clients being slow. */
  cutOff: z.number().optional(),
});

const idleSchema = z.object({
  kind: z.literal("idle"),
  name: z.string(),
  connections: z.number(),
  rssBytesBefore: z.number(),
  rssBytesAfter: z.number(),
  connectSeconds: z.number(),
  connectCpuSeconds: z.number(),
  idleSeconds: z.number(),
  idleCpuSeconds: z.number(),
  heartbeats: z.number(),
  /** They came a quarter of the interval too late, or more. */
  lateHeartbeats: z.number(),
});

/** What one client process found out. */
export const outcomeSchema = z.object({
  measurements: z.array(z.discriminatedUnion("kind", [loadSchema, idleSchema])),
  /** Of everything that it did, warm-up too. */
  faults: faultsSchema,
});

export const microSchema = z.object({
  name: z.string(),
  /** One call. */
  averageNs: z.number(),
  p99Ns: z.number(),
  /** Subscribers that one call reaches. */
  subscribers: z.number(),
});

export type Latency = z.infer<typeof latencySchema>;
export type Faults = z.infer<typeof faultsSchema>;
export type LoadMeasurement = z.infer<typeof loadSchema>;
export type IdleMeasurement = z.infer<typeof idleSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
export type MicroResult = z.infer<typeof microSchema>;

export function noFaults(): Faults {
  return { lost: 0, doubled: 0, disordered: 0, refused: 0, disconnected: 0 };
}

/** What the server promises never to do happened so often. */
export function brokenPromises({ lost, doubled, disordered, disconnected }: Faults): number {
  return lost + doubled + disordered + disconnected;
}

/** A client that counts the connections which it lost, and prints the first. */
export function countLost(faults: Faults, userId: string): (reason: string) => void {
  return (reason) => {
    if (faults.disconnected === 0) console.error(`${userId} was disconnected: ${reason}`);
    faults.disconnected += 1;
  };
}
