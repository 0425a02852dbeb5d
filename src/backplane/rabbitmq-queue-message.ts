import { QueueMessage } from "../broker/queue-message.ts";
import { type Body, type Frame, headerOf } from "../stomp/frame.ts";
import {
  EXPIRATION_HEADER,
  fromNativeHeaders,
  MESSAGE_ID_HEADER,
  toNativeHeaders,
} from "./rabbitmq-headers.ts";
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
    const headers = fromNativeHeaders(frame.headers);
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
  const { id, queue, expiresMs, headers, body } = message;
  const own = ["destination", queueDestination(queue) ?? queue, MESSAGE_ID_HEADER, id];
  const wanted = headerOf(headers, EXPIRATION_HEADER) ?? "";
  const leftMs = expiresMs === null ? wanted : String(Math.max(0, expiresMs - nowMs));
  // What is no such number would end the connection.
  if (/^\d{1,9}$/.test(leftMs)) own.push(EXPIRATION_HEADER, leftMs);
  return { headers: [...own, ...toNativeHeaders(headers)], body };
}
