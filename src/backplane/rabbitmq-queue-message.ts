import { QueueMessage } from "../broker/queue-message.ts";
import type { Body, Frame } from "../stomp/frame.ts";
import { fromNativeHeaders, MESSAGE_ID_HEADER, toNativeHeaders } from "./rabbitmq-headers.ts";
import type { StompLink } from "./stomp-link.ts";

const QUEUE = "/queue/";
/** Of a queue's name, in AMQP. */
const MOST_NAME_BYTES = 255;

/** The queue's name in RabbitMQ is what is behind `/queue/`; null for one that it cannot have. */
export function queueDestination(queue: string): string | null {
  const name = queue.slice(QUEUE.length);
  // Those that begin so are RabbitMQ's own; and of escapes it knows this one alone.
  if (name.startsWith("amq.") || name.includes("%2F")) return null;
  if (Buffer.byteLength(name) > MOST_NAME_BYTES) return null;
  return QUEUE + name.replaceAll("/", "%2F");
}

/** A message of a queue of RabbitMQ, on its way to a consumer here. */
export class RabbitMqQueueMessage extends QueueMessage {
  /** What an ACK or NACK names it by, on the connection that it came by alone. */
  readonly ack: string;

  constructor(
    queue: string,
    frame: Frame,
    readonly link: StompLink,
  ) {
    const id = frame.header(MESSAGE_ID_HEADER) ?? frame.header("message-id") ?? "";
    const headers = withoutFirst(fromNativeHeaders(frame.headers), MESSAGE_ID_HEADER);
    const stored = { id, queue, headers, body: frame.body, expiresMs: null, deliveries: 0 };
    super(stored, false, frame.header("redelivered") === "true");
    this.ack = frame.header("ack") ?? "";
  }
}

/** What a SEND to RabbitMQ has: `nowMs` is for when it expires. */
export function sendingOf(
  message: QueueMessage,
  nowMs: number,
): { readonly headers: readonly string[]; readonly body: Body } {
  const { id, queue, expiresMs, body } = message;
  const headers = ["destination", queueDestination(queue) ?? queue, MESSAGE_ID_HEADER, id];
  if (expiresMs === null) headers.push(...toNativeHeaders(message.headers));
  else {
    const others = withoutFirst(message.headers, "expiration");
    const leftMs = Math.max(0, expiresMs - nowMs);
    headers.push("expiration", String(leftMs), ...toNativeHeaders(others));
  }
  return { headers, body };
}

function withoutFirst(headers: readonly string[], name: string): readonly string[] {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === name) return [...headers.slice(0, index), ...headers.slice(index + 2)];
  }
  return headers;
}
