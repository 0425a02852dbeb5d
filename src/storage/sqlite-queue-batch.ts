import type { QueueBatch, StoredQueueMessage } from "../broker/queue-store.ts";
import type { Body } from "../stomp/frame.ts";

/** A body as JSON can hold it. */
type PackedBody = string | { readonly base64: string };

/** A queue batch as it crosses from the stores' thread to the writer's. */
export interface PackedQueueBatch extends Omit<QueueBatch, "appended"> {
  readonly appended: readonly PackedQueueMessage[];
}

export interface PackedQueueMessage extends Omit<StoredQueueMessage, "body"> {
  readonly body: PackedBody;
}

export function pack({ removed, appended, redelivered }: QueueBatch): PackedQueueBatch {
  return { removed, appended: appended.map(packMessage), redelivered };
}

/** Only what is kept: the caller's object may have more to it. */
function packMessage(message: StoredQueueMessage): PackedQueueMessage {
  const { id, queue, headers, body, expiresMs, deliveries } = message;
  return { id, queue, headers, body: packBody(body), expiresMs, deliveries };
}

function packBody(body: Body): PackedBody {
  return typeof body === "string" ? body : { base64: body.toBase64() };
}

export function unpackBody(body: PackedBody): Body {
  return typeof body === "string" ? body : Uint8Array.fromBase64(body.base64);
}
