import { beforeEach, expect, test } from "bun:test";
import { TypingElsewhere } from "../../src/app/typing-elsewhere.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import { typingEvent } from "../../src/chat/events.ts";
import { FakeClock } from "../support/fake-clock.ts";

const EXPIRY_MS = 6_000;
const LATE_MS = EXPIRY_MS + 1_000;

let clock: FakeClock;
let delivered: string[];
let typing: TypingElsewhere;

beforeEach(() => {
  clock = new FakeClock();
  delivered = [];
  let ids = 0;
  typing = new TypingElsewhere({
    ...{ clock, expiryMs: EXPIRY_MS, newId: () => String(++ids) },
    deliver(topic, { body }) {
      const text = typeof body === "string" ? body : new TextDecoder().decode(body);
      const { userId, isTyping } = JSON.parse(text);
      delivered.push(`${topic} ${userId} ${isTyping}`);
    },
  });
});

function hear(userId: string, isTyping: boolean): void {
  const body = typingEvent("club", userId, isTyping, clock.now());
  typing.heard("/topic/typing/club", new Outgoing("m", new TextEncoder().encode(body), []));
}

test("typing on a node that says no more ends by itself, after it would have ended there", () => {
  hear("alice", true);
  clock.advance(LATE_MS - 1);
  expect(delivered).toEqual(["/topic/typing/club alice true"]);
  clock.advance(1);
  expect(delivered.slice(1)).toEqual(["/topic/typing/club alice false"]);
  clock.advance(LATE_MS);
  expect(delivered).toHaveLength(2);
});

test("who says it again goes on typing, and each ends by themselves", () => {
  hear("alice", true);
  hear("bob", true);
  clock.advance(EXPIRY_MS);
  hear("alice", true);
  clock.advance(1_000);
  expect(delivered.slice(3)).toEqual(["/topic/typing/club bob false"]);
  clock.advance(EXPIRY_MS);
  expect(delivered.slice(4)).toEqual(["/topic/typing/club alice false"]);
});

test("who has stopped is not told of again", () => {
  hear("alice", true);
  hear("alice", false);
  clock.advance(LATE_MS);
  expect(delivered).toHaveLength(2);
});

test("what is no word of typing is passed on, and ends nothing", () => {
  delivered = [];
  const passedOn: string[] = [];
  const other = new TypingElsewhere({
    ...{ clock, expiryMs: EXPIRY_MS, newId: () => "1" },
    deliver: (topic) => passedOn.push(topic),
  });
  for (const topic of ["/topic/news", "/topic/typing/club"]) {
    other.heard(topic, new Outgoing("m", "not JSON", []));
    other.heard(topic, new Outgoing("m", '{"userId":1,"isTyping":true}', []));
  }
  clock.advance(LATE_MS);
  expect(passedOn).toHaveLength(4);
});

test("nothing is told after the end", () => {
  hear("alice", true);
  typing.stop();
  clock.advance(LATE_MS);
  expect(delivered).toHaveLength(1);
});
