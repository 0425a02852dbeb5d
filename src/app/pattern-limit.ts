import type { Broker } from "../broker/broker.ts";
import { AppError } from "../errors.ts";
import type { UserSessions } from "./user-sessions.ts";

/** How many subscriptions with wildcards a user may have, over all connections; 0 is no limit. */
export class PatternLimit {
  constructor(
    readonly broker: Broker,
    readonly sessions: UserSessions,
    readonly perUser: number,
  ) {}

  /**
   * Throws TOO_MANY_SUBSCRIPTIONS. What is sent to a topic is compared with all patterns; one that is
   * there already costs no more.
   */
  assertRoom(userId: string, pattern: string): void {
    if (this.perUser === 0 || this.broker.hasListeners(pattern)) return;
    let count = 0;
    for (const { session } of this.sessions.of(userId)) count += session.subscriptions.patternCount;
    if (count < this.perUser) return;
    const text = `A user may hold ${this.perUser} subscriptions with wildcards`;
    throw new AppError("TOO_MANY_SUBSCRIPTIONS", text);
  }
}
