import { expect, spyOn, test } from "bun:test";
import { UserEvents, UserFeed } from "../../src/app/user-events.ts";
import { UserSessions } from "../../src/app/user-sessions.ts";
import { userQueue } from "../../src/broker/destination.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import { FIRST_POSITION } from "../../src/chat/message-feed.ts";
import { silentLog } from "../../src/log.ts";
import { TurnEnd } from "../../src/turn-end.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { sessionHarness } from "../support/session-harness.ts";

test("a commit looks at those feeds alone to which it may bring something", async () => {
  const held = HeldStore.inMemory();
  const { broker, connect, environment } = sessionHarness();
  const { chat, outlet, send } = chatHarness(held.store, { onCommit: () => events.committed() });
  outlet.message = (userId, message, body) => {
    const key = userQueue(userId, "messages");
    broker.deliver(key, new Outgoing(environment.newId(), body, [], message));
  };
  const events = new UserEvents({
    ...{ broker, chat, sendBufferBytes: 4_096, log: silentLog, departed: () => {} },
    sessions: new UserSessions(new TurnEnd(), () => {}),
  });
  await createGroup(chat, "team", ["alice", "bob"]);
  const got: string[] = [];
  const caughtUp: string[] = [];
  const open = (userId: string) => {
    const taker = {
      message: (_: unknown, body: string) => got.push(`${userId}: ${JSON.parse(body).content}`),
      caughtUp: () => caughtUp.push(userId),
      bufferedBytes: () => 0,
    };
    const { session } = connect(userId);
    events.feed(session, taker, FIRST_POSITION);
    return session;
  };
  const crowd = Array.from({ length: 50 }, (_, index) => `user-${index}`);
  for (const userId of crowd) open(userId);
  const first = open("bob");
  open("bob");
  while (caughtUp.length < crowd.length + 2) await settled();
  send("alice", { conversationId: "team", content: "before" }); // Nobody waits from here on.
  await settled();

  const flush = spyOn(UserFeed.prototype, "flush");
  try {
    send("alice", { conversationId: "team", content: "one" });
    await settled();
    expect(got.slice(-2)).toEqual(["bob: one", "bob: one"]);
    expect(flush).toHaveBeenCalledTimes(2);
    first.closed();
    send("alice", { conversationId: "team", content: "two" });
    await settled();
    expect(got.slice(-2)).toEqual(["bob: one", "bob: two"]);
    expect(flush).toHaveBeenCalledTimes(3);
    await chat.users.change({ userId: "alice", name: "Alice" }, "alice", { name: "Ally" });
    send("carol", { conversationId: "other", recipientId: "dave", content: "elsewhere" });
    await settled();
    expect(flush).toHaveBeenCalledTimes(3);
  } finally {
    flush.mockRestore();
  }
});
