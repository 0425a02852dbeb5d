import { z } from "zod";
import { WAYS } from "./receiving-ways.ts";

/** What one client process does, its only argument. */
export const receivingJobSchema = z.object({
  port: z.number(),
  serverPid: z.number(),
  way: z.enum(WAYS),
  /** New users each time: none of them has a conversation. */
  round: z.number(),
  clients: z.number(),
  messagesPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

export const receivedSchema = z.object({
  messages: z.number(),
  deliveries: z.number(),
  doubled: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  serverCpuSeconds: z.number(),
  clientCpuShare: z.number(),
});

export type ReceivingJob = z.infer<typeof receivingJobSchema>;
export type Received = z.infer<typeof receivedSchema>;
