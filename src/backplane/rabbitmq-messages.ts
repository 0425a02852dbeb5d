import { randomBytes, randomInt } from "node:crypto";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../broker/envelope.ts";
import type { Body, Frame } from "../stomp/frame.ts";
import {
  CHANNEL_HEADER,
  fromNativeHeaders,
  MESSAGE_ID_HEADER,
  NODE_HEADER,
  toNativeHeaders,
} from "./rabbitmq-headers.ts";
import { routeOf, topicOf } from "./rabbitmq-routes.ts";

/** Clients that take frames of the usual 128 KiB must take a message's headers in one. */
const MOST_HEADER_BYTES = 64 * 1024;
/** Who sent what no node has sent. */
const OTHERS = "rabbitmq";

/** What a SEND carries. */
export interface Sending {
  readonly headers: readonly string[];
  readonly body: Body;
}

export interface Arrival {
  readonly channel: string;
  /** The id of the node that published it; of other clients' messages `rabbitmq`. */
  readonly origin: string;
  /** Which run of the node, and which of its messages; null for other clients'. */
  readonly mark: { readonly run: string; readonly number: number } | null;
  readonly payload: Uint8Array;
}

/** How the body of a node's message is read. */
const TEXT = "text";
const BYTES = "bytes";
const PAYLOAD = "payload";

/**
 * Payloads as RabbitMQ's messages. That of a topic which is an envelope becomes a message like any
 * other there, headers and body as the client sent them, and the other way round; everything else is
 * the body of a message that only nodes understand.
 */
export class RabbitMqMessages {
  readonly run = randomBytes(8).toString("hex");
  readonly #nodeId: string;
  #number = randomInt(2 ** 32);
  #foreign = 0;

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
  }

  encode(channel: string, payload: Uint8Array): Sending {
    const { destination, isNative } = routeOf(channel);
    const envelope = isNative ? nativeEnvelope(channel, payload) : null;
    this.#number = (this.#number + 1) >>> 0;
    if (envelope === null) {
      const headers = ["destination", destination, NODE_HEADER, this.#mark(PAYLOAD)];
      if (!isNative) headers.push(CHANNEL_HEADER, channel);
      return { headers, body: payload };
    }
    const { messageId, headers, body } = envelope;
    const form = typeof body === "string" ? TEXT : BYTES;
    const own = [NODE_HEADER, this.#mark(form), MESSAGE_ID_HEADER, messageId];
    return { headers: ["destination", destination, ...own, ...toNativeHeaders(headers)], body };
  }

  /** null for what is of no channel, or of no node of this version. */
  decode(frame: Frame): Arrival | null {
    const body = typeof frame.body === "string" ? Buffer.from(frame.body) : frame.body;
    const marked = frame.header(NODE_HEADER);
    const channel =
      (marked === undefined ? undefined : frame.header(CHANNEL_HEADER)) ??
      topicOf(frame.header("destination") ?? "");
    if (channel === null) return null;
    if (marked === undefined)
      return { channel, origin: OTHERS, mark: null, payload: this.#from(frame, channel, body) };
    const [form, number, run, origin] = marked.split(" ");
    if (number === undefined || !/^\d+$/.test(number) || !run || !origin) return null;
    const mark = { run, number: Number(number) };
    if (form === PAYLOAD) return { channel, origin, mark, payload: body };
    const messageId = frame.header(MESSAGE_ID_HEADER);
    if ((form !== TEXT && form !== BYTES) || messageId === undefined) return null;
    const headers = fromNativeHeaders(frame.headers);
    const text = form === TEXT ? Buffer.from(body).toString() : body;
    const payload = encodeEnvelope({ destination: channel, messageId, headers, body: text });
    return { channel, origin, mark, payload };
  }

  /** Of another client: it has an id of its own on each node. */
  #from(frame: Frame, destination: string, body: Uint8Array): Uint8Array {
    this.#foreign += 1;
    const messageId = `${this.run}-${this.#foreign}`;
    const headers = fromNativeHeaders(frame.headers);
    const property = frame.header(MESSAGE_ID_HEADER);
    if (property !== undefined) headers.push(MESSAGE_ID_HEADER, property);
    return encodeEnvelope({ destination, messageId, headers, body });
  }

  #mark(form: string): string {
    return `${form} ${this.#number} ${this.run} ${this.#nodeId}`;
  }
}

function nativeEnvelope(channel: string, payload: Uint8Array): Envelope | null {
  const envelope = decodeEnvelope(payload);
  if (envelope === null || envelope.destination !== channel) return null;
  let bytes = 0;
  for (const text of envelope.headers) bytes += text.length;
  return bytes > MOST_HEADER_BYTES ? null : envelope;
}
