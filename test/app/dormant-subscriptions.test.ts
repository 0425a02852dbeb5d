import { expect, test } from "bun:test";
import { DormantSubscriptions } from "../../src/app/dormant-subscriptions.ts";
import { Frame } from "../../src/stomp/frame.ts";
import { sessionHarness } from "../support/session-harness.ts";

const headersOf = (conversationId: string, id: string) => [
  ...["destination", `/topic/typing/${conversationId}`, "id", id],
];

test("of a frame that waits only what it takes to try it again is kept", () => {
  const { session } = sessionHarness().connect();
  const dormant = new DormantSubscriptions();
  const headers = headersOf("c1", "t");
  const more = ["ack", "client", "receipt", "r"];
  dormant.add(session, "c1", new Frame("SUBSCRIBE", ["x", "y", ...headers, "z", "", ...more], "b"));
  expect(dormant.take(session, "c1")).toEqual([new Frame("SUBSCRIBE", [...headers, ...more], "")]);
  expect(dormant.take(session, "c1")).toEqual([]);
});

test("of a session's frames the newest 32 wait, one for each conversation", () => {
  const { session } = sessionHarness().connect();
  const dormant = new DormantSubscriptions();
  for (let n = 0; n <= 33; n += 1) {
    const conversationId = `c${Math.min(n, 32)}`;
    dormant.add(
      session,
      conversationId,
      new Frame("SUBSCRIBE", headersOf(conversationId, `t${n}`), ""),
    );
  }
  const ids = (n: number) => dormant.take(session, `c${n}`).map((frame) => frame.header("id"));
  expect([ids(0), ids(1), ids(32)]).toEqual([[], ["t1"], ["t33"]]);
});
