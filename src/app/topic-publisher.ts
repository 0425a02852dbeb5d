import type { Broker } from "../broker/broker.ts";
import { parseDestination, unknownDestination } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { NewId } from "../ids.ts";
import { assertSendable } from "./destinations.ts";

/** What the app's back end says on topics, where access rules do not hold for it. */
export class TopicPublisher {
  readonly #broker: Broker;
  readonly #newId: NewId;

  /** @param newId of `message-id` headers: unique on this server while it runs */
  constructor(broker: Broker, newId: NewId) {
    this.#broker = broker;
    this.#newId = newId;
  }

  /**
   * Nobody keeps it: who does not listen now, never gets it. Throws UNKNOWN_DESTINATION for what is
   * no topic, FORBIDDEN_DESTINATION for the server's own.
   */
  publish(topic: string, body: string, contentType: string): void {
    if (parseDestination(topic).kind !== "topic") throw unknownDestination(topic);
    assertSendable(topic);
    if (!this.#broker.isHeard(topic)) return;
    const headers = ["content-type", contentType];
    this.#broker.publish(topic, new Outgoing(this.#newId(), body, headers));
  }
}
