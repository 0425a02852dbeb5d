import { z } from "zod";
import { AppError } from "../errors.ts";

/** Ids stand in destinations and keys: 1 to 128 characters, no space, slash, `*` or control character. */
export const idSchema = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\s/*\p{Cc}\p{Cs}]+$/u, "must not contain spaces, /, * or control characters");

/** A lone surrogate is no text: the store and the wire would change it, and with it the id. */
export const clientIdSchema = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode");

/** Front ends send `null` or nothing for what they do not have. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? null);
}

const YEAR_SECONDS = 366 * 24 * 60 * 60;
/** Of messages: seconds. */
export const lifetimeSchema = z.int().min(1).max(YEAR_SECONDS);

export const typingSchema = z.object({ isTyping: z.boolean() });

export const readSchema = z.object({ id: z.string().min(1).max(128) });

/** Conversations that one sync may name: its answer must fit into the send buffer. */
const MOST_POSITIONS = 500;

const seqSchema = z.number().int().nonnegative();

export const syncSchema = z.object({
  conversations: z
    .record(
      idSchema,
      z.union([
        seqSchema.transform((seq) => ({ seq, id: null })),
        z.object({ seq: seqSchema, id: optional(clientIdSchema) }),
      ]),
    )
    .refine(
      (conversations) => Object.keys(conversations).length <= MOST_POSITIONS,
      `must not name more than ${MOST_POSITIONS} conversations; send several syncs`,
    ),
});

/** Characters of one line, as other servers take them. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible characters");

export const presenceSchema = z.object({ status: z.enum(["ONLINE", "AWAY", "OFFLINE"]) });

export const connectSchema = z.object({ userId: idSchema });

/** A token goes into a header of its own making, so it has neither spaces nor line ends. */
export const refreshSchema = z.object({
  token: z.string().regex(/^\S{1,16384}$/, "must be a token"),
});

/** Throws INVALID_JSON, or VALIDATION_FAILED naming the field. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): z.output<Schema> {
  return validate(schema, parseJson(text));
}

/** Throws VALIDATION_FAILED naming the field. */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? "body" : issue.path.join(".");
  const details = clientMessageIdIn(value);
  throw new AppError("VALIDATION_FAILED", `${field}: ${issue?.message ?? "is not valid"}`, {
    details,
  });
}

/** Throws INVALID_JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_JSON", "The body is not JSON", { cause });
  }
}

/** So that the client knows which of its messages was wrong. */
function clientMessageIdIn(value: unknown): { clientMessageId?: string } {
  if (typeof value !== "object" || value === null || !("clientMessageId" in value)) return {};
  const { clientMessageId } = value;
  return typeof clientMessageId === "string" && clientMessageId.length <= 128
    ? { clientMessageId }
    : {};
}
