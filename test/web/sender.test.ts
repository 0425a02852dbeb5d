import { expect, test } from "bun:test";
import type { Draft } from "../../src/web/conversation.ts";
import { Sender } from "../../src/web/sender.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { draft, scheduleOn } from "./support.ts";

function newSender() {
  const clock = new FakeClock();
  const published: string[] = [];
  const sender = new Sender(
    ({ clientMessageId }: Draft) => published.push(clientMessageId),
    scheduleOn(clock),
  );
  return { clock, published, sender };
}

test("nothing is sent while the connection is down, and all of it when it is there", () => {
  const { sender, published } = newSender();
  sender.add(draft("one"));
  expect(published).toEqual([]);
  sender.online();
  expect(published).toEqual(["one"]);
});

test("of each conversation one message is under way", () => {
  const { sender, published } = newSender();
  sender.online();
  sender.add(draft("one"));
  sender.add(draft("two"));
  sender.add(draft("elsewhere", { conversationId: "dm:alice:carol" }));
  expect(published).toEqual(["one", "elsewhere"]);
  sender.done("one");
  expect(published).toEqual(["one", "elsewhere", "two"]);
});

test("what was not answered before the connection was lost is sent again, in order", () => {
  const { sender, published } = newSender();
  sender.online();
  sender.add(draft("one"));
  sender.add(draft("two"));
  sender.offline();
  sender.online();
  sender.done("one");
  expect(published).toEqual(["one", "one", "two"]);
});

test("a message that cannot be taken now is tried again after a growing pause, before the next", () => {
  const { sender, published, clock } = newSender();
  sender.online();
  sender.add(draft("one"));
  sender.add(draft("two"));
  sender.tryLater("one");
  clock.advance(499);
  expect(published).toEqual(["one"]);
  clock.advance(1);
  expect(published).toEqual(["one", "one"]);
  sender.tryLater("one");
  clock.advance(999);
  expect(published).toEqual(["one", "one"]);
  clock.advance(1);
  sender.done("one");
  expect(published).toEqual(["one", "one", "one", "two"]);
});

test("a message without an answer is sent again", () => {
  const { sender, published, clock } = newSender();
  sender.online();
  sender.add(draft("one"));
  clock.advance(10_000);
  expect(published).toEqual(["one", "one"]);
});

test("what is queued is not queued twice", () => {
  const { sender, published } = newSender();
  sender.add(draft("one"));
  sender.add(draft("one"));
  sender.online();
  sender.done("one");
  expect(published).toEqual(["one"]);
  expect(sender.unanswered()).toEqual([]);
});
