import { z } from "zod";

const targetSchema = z.object({
  port: z.number(),
  serverPid: z.number(),
  /** Of the server's API for back ends. */
  apiKey: z.string(),
});

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
  bodyBytes: z.number().default(128),
  /** Of the paced part; null for the closed loops alone. */
  publishesPerSecond: z.number().nullable(),
  /** The paced part goes at this share of the rate that the loop of W=1 has just had. */
  shareOfLoneRate: z.number().nullable().default(null),
  /** Publishes under way in each closed loop. */
  windows: z.array(z.number()).default([1, 64]),
  /** `mixed`: a third each of text, binary and SockJS over WebSocket. */
  wires: z.enum(["text", "mixed"]).default("text"),
  /** Whether all subscribe with one id, as one library's clients do, or each with its own. */
  subscriptionIds: z.enum(["shared", "distinct"]),
  warmUpSeconds: z.number(),
  /** Of each part. */
  seconds: z.number(),
});

const stormSchema = z.object({
  scenario: z.literal("storm"),
  connections: z.number(),
  /** Under way at any time. */
  atOnce: z.number(),
  /** Messages that wait for each user who connects. */
  waiting: z.number(),
  /** The fifth subscription is to everybody's presence; else to a topic of which nothing comes. */
  watchesPresence: z.boolean().default(true),
});

const groupsSchema = z.object({
  scenario: z.literal("groups"),
  groups: z.number(),
  /** Of each group; nobody is in two. */
  members: z.number(),
  messagesPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const slowReadersSchema = z.object({
  scenario: z.literal("slow-readers"),
  /** Of these the times are taken. */
  subscribers: z.number(),
  /** Others, who stop reading. */
  slow: z.number(),
  bodyBytes: z.number(),
  publishesPerSecond: z.number(),
  warmUpSeconds: z.number(),
  /** Without the slow ones, and with them. */
  seconds: z.number(),
});

const typingSchema = z.object({
  scenario: z.literal("typing"),
  /** Of two users each. */
  conversations: z.number(),
  eventsPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const presenceSchema = z.object({
  scenario: z.literal("presence"),
  users: z.number(),
  watchers: z.number(),
  eventsPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const mixedDaySchema = z.object({
  scenario: z.literal("mixed-day"),
  /** A multiple of ten: in pairs, and in groups of ten. */
  users: z.number(),
  eventsPerSecond: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const costSchema = z.object({
  scenario: z.literal("cost"),
  /** What there is more of; all else stays. */
  of: z.enum(["users", "topics", "messages", "history"]),
  times: z.number(),
  warmUpSeconds: z.number(),
  seconds: z.number(),
});

const idleSchema = z.object({
  scenario: z.literal("idle"),
  connections: z.number(),
  /** Beats each client sends and wants to get. */
  heartbeatMs: z.number().default(10_000),
  /** Connected before the first look at the server's memory. */
  warmUpConnections: z.number(),
  seconds: z.number(),
});

const scenarioSchema = z.discriminatedUnion("scenario", [
  ...([chatSchema, chatLoopSchema, fanOutSchema] as const),
  ...([groupsSchema, stormSchema, idleSchema] as const),
  ...([slowReadersSchema, typingSchema, presenceSchema] as const),
  ...([mixedDaySchema, costSchema] as const),
]);

/** What one client process does, its only argument. */
export const jobSchema = z.intersection(targetSchema, scenarioSchema);

export type Target = z.infer<typeof targetSchema>;
/** As it is asked for: what is left out has its default. */
export type Scenario = z.input<typeof scenarioSchema>;
export type ChatScenario = z.infer<typeof chatSchema>;
export type ChatLoopScenario = z.infer<typeof chatLoopSchema>;
export type FanOutScenario = z.infer<typeof fanOutSchema>;
export type GroupsScenario = z.infer<typeof groupsSchema>;
export type StormScenario = z.infer<typeof stormSchema>;
export type SlowReadersScenario = z.infer<typeof slowReadersSchema>;
export type TypingScenario = z.infer<typeof typingSchema>;
export type PresenceScenario = z.infer<typeof presenceSchema>;
export type MixedDayScenario = z.infer<typeof mixedDaySchema>;
export type CostScenario = z.infer<typeof costSchema>;
export type IdleScenario = z.infer<typeof idleSchema>;
