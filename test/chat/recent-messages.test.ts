import { expect, test } from "bun:test";
import fc from "fast-check";
import { type RecentMessage, RecentMessages } from "../../src/chat/recent-messages.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { message } from "../support/stored.ts";

const CAPACITY = 5;

function added(recent: RecentMessages, seq: number): RecentMessage<unknown> {
  return recent.add(message(seq, { clientMessageId: `c${seq}` }), "pending");
}

/** Which of the messages up to `seq` are there, found by both of their ids. */
function kept(recent: RecentMessages, seq: number): number[] {
  const seqs = Array.from({ length: seq }, (_, at) => at + 1);
  const found = (known: StoredMessage | undefined) => known !== undefined;
  const there = seqs.filter((each) => found(recent.byId(message(each).id)));
  expect(seqs.filter((each) => found(recent.byClientId("alice", `c${each}`)))).toEqual(there);
  return there;
}

test("those under way are there, and as many of the last committed as there is room for", () => {
  const step = fc.constantFrom("add" as const, "commit" as const, "refuse last" as const);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const recent = new RecentMessages(CAPACITY);
      let underWay: RecentMessage<unknown>[] = [];
      let committed: number[] = [];
      let seq = 0;
      for (const act of steps) {
        if (act === "add") {
          seq += 1;
          underWay.push(added(recent, seq));
        } else if (act === "commit") {
          const first = underWay.shift();
          if (first === undefined) continue;
          recent.committed(first);
          committed.push(first.message.seq);
          // What is under way takes up room too.
          const surplus = committed.length + underWay.length - CAPACITY;
          committed = committed.slice(Math.min(committed.length, Math.max(0, surplus)));
        } else {
          const last = underWay.at(-1);
          if (last === undefined) continue;
          recent.refused(last);
          expect(recent.wasRefused(last.message)).toBe(true);
          underWay = underWay.slice(0, -1);
        }
        const expected = [...committed, ...underWay.map((each) => each.message.seq)];
        expect(kept(recent, seq)).toEqual(expected);
      }
    }),
  );
});

test("what has gone to make room, and is refused then, takes nothing with it", () => {
  const recent = new RecentMessages(1);
  const first = added(recent, 1);
  const second = added(recent, 2);
  recent.committed(second);
  recent.refused(first);
  expect(kept(recent, 2)).toEqual([2]);
  recent.committed(added(recent, 3));
  expect(kept(recent, 3)).toEqual([3]);
});
