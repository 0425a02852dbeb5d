import type { StompVersion } from "../stomp/version.ts";
import type { Outgoing } from "./outgoing.ts";
import type { TopicPattern } from "./topic-pattern.ts";
import type { Wire } from "./wire.ts";

/** A connection as the broker sees it. What is sent and published leaves in the order of the calls. */
export interface Peer {
  /** null where the engine's topics do not reach (TCP, SockJS over HTTP): `send` serves it singly. */
  readonly topics: PeerTopics | null;
  /** One transport message, already framed. Dropped without an error once the connection is gone. */
  send(payload: string | Uint8Array): void;
}

/** The engine's native topics, for one connection. */
export interface PeerTopics {
  /** From now on, what is published on the channel arrives here. */
  join(channel: string): void;
  leave(channel: string): void;
  /** Transport messages that may leave in one write; they are copied, if need be, before it returns. */
  sendTogether(payloads: readonly (string | Uint8Array)[]): void;
  /** To all that joined the channel but this one. */
  publishToOthers(channel: string, payload: string | Uint8Array): void;
}

/** The engine under the connections. */
export interface Engine {
  /** One payload, already framed, to every connection that joined the channel. */
  publish(channel: string, payload: string | Uint8Array): void;
}

/** `topic` is what the message was sent to, for a subscription with wildcards. */
export type Receive = (message: Outgoing, topic?: string) => void;

export interface SubscriptionRequest {
  readonly peer: Peer;
  /** The key under which messages are published, see `userQueue`. */
  readonly key: string;
  /** With wildcards, what is published under `key` is found by it; null for one destination. */
  readonly pattern: TopicPattern | null;
  /**
   * The `destination` header of its MESSAGE frames: as the client wrote it. With wildcards, the
   * header is the topic that the message was sent to.
   */
  readonly destination: string;
  /** null only in STOMP 1.0, where the id is optional. */
  readonly id: string | null;
  readonly version: StompVersion;
  readonly wire: Wire;
}

export interface Subscription extends SubscriptionRequest {
  /** Set while each message is handed over singly; null while the engine's channel carries them. */
  readonly receive: Receive | null;
}
