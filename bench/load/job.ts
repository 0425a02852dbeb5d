import { z } from "zod";

const targetSchema = z.object({ port: z.number(), serverPid: z.number() });

const chatSchema = z.object({
  scenario: z.literal("chat"),
  pairs: z.number(),
  messagesPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const chatLoopSchema = z.object({
  scenario: z.literal("chat-loop"),
  pairs: z.number(),
  /** Messages under way at any time, over all pairs. */
  inFlight: z.number(),
  /** Whether the server says SENT and DELIVERED; without, a message is complete when received. */
  hasConfirmations: z.boolean(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const fanOutSchema = z.object({
  scenario: z.literal("fan-out"),
  subscribers: z.number(),
  /** Of the paced part; null for the closed loops alone. */
  publishesPerSecond: z.number().nullable(),
  /** Whether all subscribe with one id, as one library's clients do, or each with its own. */
  subscriptionIds: z.enum(["shared", "distinct"]),
  warmUpSeconds: z.number(),
  /** Of each part. */
  seconds: z.number(),
});

const idleSchema = z.object({
  scenario: z.literal("idle"),
  connections: z.number(),
  /** Connected before the first look at the server's memory. */
  warmUpConnections: z.number(),
  seconds: z.number(),
});

/** What one client process does, its only argument. */
export const jobSchema = z.intersection(
  targetSchema,
  z.discriminatedUnion("scenario", [chatSchema, chatLoopSchema, fanOutSchema, idleSchema]),
);

export type Target = z.infer<typeof targetSchema>;
export type ChatScenario = z.infer<typeof chatSchema>;
export type ChatLoopScenario = z.infer<typeof chatLoopSchema>;
export type FanOutScenario = z.infer<typeof fanOutSchema>;
export type IdleScenario = z.infer<typeof idleSchema>;
export type Scenario = ChatScenario | ChatLoopScenario | FanOutScenario | IdleScenario;
