import type { Broker } from "../broker/broker.ts";
import { parseDestination, unknownDestination } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import { assertFits } from "../chat/new-message.ts";
import type { NewId } from "../ids.ts";
import { assertSendable } from "./destinations.ts";

/** What the app's back end says on topics, where access rules do not hold for it. */
export class TopicPublisher {
  readonly #broker: Broker;
  readonly #newId: NewId;

  readonly #limitBytes: number;

  /**
   * @param newId of `message-id` headers: unique on this server while it runs
   * @param limitBytes of a body
   */
  constructor(broker: Broker, newId: NewId, limitBytes: number) {
    this.#broker = broker;
    this.#newId = newId;
    this.#limitBytes = limitBytes;
  }

  /**
   * Nobody keeps it: who does not listen now, never gets it. Throws UNKNOWN_DESTINATION for what is
   * no topic, FORBIDDEN_DESTINATION for the server's own, VALIDATION_FAILED.
   */
  publish(topic: string, body: string, contentType: string): void {
    assertFits(body, this.#limitBytes, "body");
    if (parseDestination(topic).kind !== "topic") throw unknownDestination(topic);
    assertSendable(topic);
    if (!this.#broker.isHeard(topic)) return;
    const headers = ["content-type", contentType];
    this.#broker.publish(topic, new Outgoing(this.#newId(), body, headers));
  }
}
