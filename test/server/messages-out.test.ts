import { expect, test } from "bun:test";
import { presenceTopic, typingTopic } from "../../src/app/destinations.ts";
import { USER_QUEUES, userQueue } from "../../src/broker/destination.ts";
import { MessagesOut } from "../../src/server/messages-out.ts";

const KINDS = {
  ...{ messages: "message", confirmations: "confirmation", receipts: "receipt" },
  ...{ errors: "error", notices: "notice", profiles: "profile" },
} as const;

test("each key under which the server publishes is of one kind, whoever and whatever is in it", () => {
  const ids = ["u", "messages", "es", "a.typing", "r", "👋"];
  for (const id of ids) {
    const kinds = {
      ...Object.fromEntries(USER_QUEUES.map((queue) => [userQueue(id, queue), KINDS[queue]])),
      [`/user/${id}/presence`]: "presence",
      [presenceTopic]: "presence",
      [typingTopic(id)]: "typing",
      [`/topic/${id}`]: "topic",
      "/topic/*.b": "topic",
      "/topic/presence.more": "topic",
      [`/queue/${id}`]: "queue",
    };
    for (const [key, kind] of Object.entries(kinds)) {
      const out = new MessagesOut();
      out.sent(key, 1);
      out.sent(key, 3);
      const counted = Object.entries(out.counts).filter(([, count]) => count > 0);
      expect([key, counted]).toEqual([key, [[kind, 4]]]);
    }
  }
});
