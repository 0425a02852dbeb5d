import { z } from "zod";

/** What a client reads of the server's JSON; what is not named here does not matter to it. */

export const messageSchema = z.object({
  id: z.string(),
  clientMessageId: z.string(),
  conversationId: z.string(),
  seq: z.number(),
  senderId: z.string(),
  content: z.string(),
  replay: z.boolean().default(false),
});

const confirmationSchema = z.object({
  status: z.enum(["SENT", "DELIVERED"]),
  messageId: z.string(),
  clientMessageId: z.string(),
  conversationId: z.string(),
  seq: z.number(),
});

const syncedConversationSchema = z.union([
  z.object({ seq: z.number(), resync: z.boolean().default(false) }),
  /** The conversation is not there, or not the user's. */
  z.object({ error: z.string() }),
]);

const syncedSchema = z.object({
  status: z.literal("SYNCED"),
  conversations: z.record(z.string(), syncedConversationSchema),
});

export const confirmationsSchema = z.union([confirmationSchema, syncedSchema]);

export const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  clientMessageId: z.string().optional(),
  /** The connection ends; so long the client should stay away. */
  retryAfterMs: z.number().optional(),
});

export const historySchema = z.object({ messages: z.array(messageSchema) });

export type Confirmation = z.infer<typeof confirmationSchema>;
export type Refusal = z.infer<typeof errorSchema>;
export type WireMessage = z.infer<typeof messageSchema>;
export type Synced = z.infer<typeof syncedSchema>;
