/** Of a node's messages: which run of which node sent it, and how to read it. */
export const NODE_HEADER = "parley-node";
/** The channel, where the routing key does not tell. */
export const CHANNEL_HEADER = "parley-channel";
/** Headers that RabbitMQ would take for its own, or cannot say: JSON, flat. */
const MORE_HEADER = "parley-headers";
/** Property `message_id` of AMQP. */
export const MESSAGE_ID_HEADER = "amqp-message-id";

/** Milliseconds after which no queue has the message any more, those of nodes neither. */
export const EXPIRATION_HEADER = "expiration";

/** Short strings of AMQP [AMQP 0-9-1 §4.2.5.3]. */
const MOST_SHORT_BYTES = 255;

/** Properties of AMQP that any short text may be. */
const TEXT_PROPERTIES = new Set([
  ...["content-type", "content-encoding", "correlation-id", "type", "app-id", "cluster-id"],
]);

/** Each is for the broker that reads it, or has a meaning that its value here may not have. */
const NOT_NATIVE = new Set([
  ...[
    "user-id",
    "cc",
    "bcc",
    "delivery-mode",
    EXPIRATION_HEADER,
    "destination",
    "content-length",
    "receipt",
  ],
  ...["message-id", "subscription", "ack", "redelivered", "transaction", "login", "passcode"],
  ...["heart-beat", "id", NODE_HEADER, CHANNEL_HEADER, MORE_HEADER, MESSAGE_ID_HEADER],
]);

/** Arguments of queues, which RabbitMQ takes out of a SEND. */
const QUEUE_ARGUMENT =
  /^(?:x-(?:queue|message-ttl|expires|max|dead-letter|overflow|single|stream)|(?:durable|auto-delete|exclusive)$)/i;

const REPLY_QUEUE = "/reply-queue/";

/**
 * Headers (flat) as RabbitMQ and its clients know them. Those that would mean something else there,
 * or would make RabbitMQ end the connection, go in one that only Parley reads.
 */
export function toNativeHeaders(headers: readonly string[]): string[] {
  const native: string[] = [];
  const more: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name = "", value = ""] = [headers[index], headers[index + 1]];
    (isNative(name, value) ? native : more).push(name, value);
  }
  return more.length === 0 ? native : [...native, MORE_HEADER, JSON.stringify(more)];
}

/**
 * The same in the other direction; of other clients' messages, whatever they have. Without the
 * property `message_id`.
 */
export function fromNativeHeaders(headers: readonly string[]): string[] {
  const found: string[] = [];
  let more: readonly string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name = "", value = ""] = [headers[index], headers[index + 1]];
    if (name === MORE_HEADER) more = parsed(value);
    else if (name === "reply-to") found.push(name, withoutReplyQueue(value));
    else if (!BETWEEN_BROKER_AND_NODE.has(name)) found.push(name, value);
  }
  return more.length === 0 ? found : [...without(found, more), ...more];
}

const BETWEEN_BROKER_AND_NODE = new Set([
  ...["destination", "message-id", "subscription", "ack", "redelivered", "content-length"],
  ...["receipt", NODE_HEADER, CHANNEL_HEADER, MESSAGE_ID_HEADER],
]);

function isNative(name: string, value: string): boolean {
  const lower = name.toLowerCase();
  if (NOT_NATIVE.has(lower) || QUEUE_ARGUMENT.test(name)) return false;
  if (Buffer.byteLength(name) > MOST_SHORT_BYTES || /[\r\n\0]/.test(name + value)) return false;
  if (TEXT_PROPERTIES.has(name)) return Buffer.byteLength(value) <= MOST_SHORT_BYTES;
  switch (name) {
    case "persistent":
      return value === "true";
    case "priority":
      return /^\d{1,2}$|^1\d\d$|^2[0-4]\d$|^25[0-5]$/.test(value);
    case "timestamp":
      return /^\d{1,15}$/.test(value);
    case "reply-to":
      // The name of a queue. Destinations RabbitMQ would read, and may not understand.
      return /^[\w.:@-]{1,255}$/.test(value);
    default:
      return true;
  }
}

function withoutReplyQueue(value: string): string {
  return value.startsWith(REPLY_QUEUE) ? value.slice(REPLY_QUEUE.length) : value;
}

/** Those of other names. */
function without(headers: readonly string[], others: readonly string[]): string[] {
  const names = new Set(others.filter((_, index) => index % 2 === 0));
  return headers.filter((_, index) => !names.has(headers[index - (index % 2)] ?? ""));
}

function parsed(json: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(json);
    const isFlat = Array.isArray(value) && value.every((text) => typeof text === "string");
    return isFlat && value.length % 2 === 0 ? value : [];
  } catch {
    return [];
  }
}
