import type { Broker } from "../broker/broker.ts";
import { userQueue } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import { assertFits } from "../chat/new-message.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../ids.ts";
import type { NodeNotice } from "./node-change.ts";
import type { UserSessions } from "./user-sessions.ts";

/** Users who are told before others have their turn. */
const USERS_A_TURN = 500;

export interface NoticePublisherOptions {
  readonly broker: Broker;
  readonly sessions: UserSessions;
  readonly clock: Clock;
  /** Of `message-id` headers: unique on this server while it runs. */
  readonly newId: NewId;
  /** Of a body. */
  readonly limitBytes: number;
  /** To those who listen on other nodes; null: there are none. */
  readonly publishElsewhere: ((notice: NodeNotice) => void) | null;
}

/** What the app's back end says to users, on their queues of notices. */
export class NoticePublisher {
  readonly #options: NoticePublisherOptions;

  constructor(options: NoticePublisherOptions) {
    this.#options = options;
  }

  /**
   * To these users, each once, or to all who are connected (null), on all nodes; how many of them
   * listen on this one. Nobody keeps it: who does not listen now, never gets it. It is encoded once for
   * all. Rejects with VALIDATION_FAILED.
   */
  async publish(
    userIds: readonly string[] | null,
    body: string,
    contentType: string,
  ): Promise<number> {
    const { newId, limitBytes, publishElsewhere } = this.#options;
    assertFits(body, limitBytes, "body");
    const notice = { userIds, messageId: newId(), contentType, body };
    publishElsewhere?.(notice);
    return await this.publishHere(notice);
  }

  /** To those of them who listen on this node; how many they are. */
  async publishHere({ userIds, messageId, contentType, body }: NodeNotice): Promise<number> {
    const { broker, sessions, clock } = this.#options;
    const message = new Outgoing(messageId, body, ["content-type", contentType]);
    const wanted = [...new Set(userIds ?? sessions.userIds())];
    let reached = 0;
    for (const [index, userId] of wanted.entries()) {
      if (index > 0 && index % USERS_A_TURN === 0) {
        await new Promise<void>((resolve) => clock.schedule(0, resolve));
      }
      const key = userQueue(userId, "notices");
      if (!broker.hasListeners(key)) continue;
      broker.deliver(key, message);
      reached += 1;
    }
    return reached;
  }
}
