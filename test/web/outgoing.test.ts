import { expect, test } from "bun:test";
import type { Draft } from "../../src/web/conversation.ts";
import { Outbox } from "../../src/web/outbox.ts";
import { Outgoing } from "../../src/web/outgoing.ts";
import { Store } from "../../src/web/store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { attachment, DM, MemoryStorage, scheduleOn } from "./support.ts";

test("why a message with a file was refused is told in words, and it may be sent again", () => {
  const store = new Store("alice");
  const published: Draft[] = [];
  const outgoing = new Outgoing({
    ...{ userId: "alice", dispatch: store.dispatch, notify: () => {} },
    outbox: new Outbox(new MemoryStorage(), "alice"),
    publish: (draft) => published.push(draft),
    ...{ schedule: scheduleOn(new FakeClock()), now: () => 0, newId: () => "first" },
  });
  outgoing.online();
  const written = { conversationId: DM, recipientId: "bob", content: "", replyTo: null };
  outgoing.compose({ ...written, mentions: [], attachments: [attachment()] });
  const problem = {
    ...{ code: "ATTACHMENT_NOT_FOUND", message: "There is no attachment file" },
    ...{ destination: "/app/chat.send", clientMessageId: "first", retryAfterMs: null },
  };
  outgoing.refused(problem, "first");
  const [message] = store.state().conversations[DM]?.messages ?? [];
  expect(message?.status).toBe("FAILED");
  expect(message?.failure).toBe("This file is not there any more.");
  outgoing.retry("first");
  expect(published.map(({ attachments }) => attachments)).toEqual([[attachment()], [attachment()]]);
});
