import { presenceTopic, TYPING_TOPICS } from "../app/destinations.ts";
import type { CopyCounter } from "../broker/copies.ts";

const USERS = "u".charCodeAt(0);
const TOPICS = "t".charCodeAt(0);

/**
 * MESSAGE frames to clients by what they tell of. Every delivery passes here, so the kind is read off
 * the key: nothing is kept for each destination, and nothing is looked up.
 */
export class MessagesOut implements CopyCounter {
  readonly counts = {
    ...{ message: 0, confirmation: 0, receipt: 0, error: 0, notice: 0, profile: 0 },
    ...{ typing: 0, presence: 0, topic: 0, queue: 0 },
  };

  sent(key: string, copies: number): void {
    const { counts } = this;
    switch (key.charCodeAt(1)) {
      case USERS:
        this.#sentToUser(key, copies);
        return;
      case TOPICS:
        if (key === presenceTopic) counts.presence += copies;
        else if (key.startsWith(TYPING_TOPICS)) counts.typing += copies;
        else counts.topic += copies;
        return;
      default:
        counts.queue += copies;
    }
  }

  /** The letters before the last one tell the queues apart. */
  #sentToUser(key: string, copies: number): void {
    const { counts } = this;
    switch (key.charAt(key.length - 2)) {
      case "e":
        switch (key.charAt(key.length - 3)) {
          case "g": // messages
            counts.message += copies;
            return;
          case "c": // notices
            counts.notice += copies;
            return;
          default: // profiles
            counts.profile += copies;
            return;
        }
      case "n": // confirmations
        counts.confirmation += copies;
        return;
      case "t": // receipts
        counts.receipt += copies;
        return;
      case "r": // errors
        counts.error += copies;
        return;
      default: // presence, of who may not see everybody's
        counts.presence += copies;
    }
  }
}
