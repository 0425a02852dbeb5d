import { describe, expect, test } from "bun:test";
import { EventMailbox, type PollAnswer } from "../../src/transport/event-mailbox.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";
import { message } from "../support/stored.ts";

function setUp() {
  const clock = new FakeClock();
  const told: string[] = [];
  const mailbox = new EventMailbox({
    ...{ clock, position: null, highWaterBytes: 200, graceMs: 5_000 },
    onDrained: () => told.push("drained"),
    onReceived: (messages) => told.push(`received ${messages.map(({ seq }) => seq).join()}`),
    onForsaken: () => told.push("forsaken"),
  });
  const say = (seq: number): void => {
    mailbox.message(message(seq), `{"seq":${seq}}`);
  };
  const answers: PollAnswer[] = [];
  const poll = (number: number, waitMs: number) => {
    const answer = mailbox.poll(number, waitMs);
    void answer.then((given) => answers.push(given));
    return answer;
  };
  return { clock, told, mailbox, say, poll, answers };
}

const eventOf = (seq: number) => `{"event":"message","data":{"seq":${seq}}}`;

describe("a mailbox", () => {
  test("answers nothing before the client has caught up", async () => {
    const { mailbox, say, poll, answers } = setUp();
    void poll(0, 0);
    say(1);
    await settled();
    expect(answers).toEqual([]);
    say(2);
    mailbox.caughtUp("chat#2");
    await settled();
    expect(answers).toEqual([{ events: [eventOf(1), eventOf(2)], position: "chat#2", number: 1 }]);
  });

  test("answers sooner when as much waits as may wait", async () => {
    const { say, poll, answers, told } = setUp();
    void poll(0, 10_000);
    for (let seq = 1; seq <= 6; seq += 1) say(seq);
    await settled();
    expect(answers).toMatchObject([{ position: "chat#6", number: 1 }]);
    expect(told).toEqual([]);
  });

  test("answers with what one turn brings, or when the time is up", async () => {
    const { clock, mailbox, say, poll } = setUp();
    mailbox.caughtUp("p");
    const first = poll(0, 10_000);
    say(1);
    mailbox.event({ name: "receipt", data: "{}" });
    const events = [eventOf(1), '{"event":"receipt","data":{}}'];
    expect(await first).toEqual({ events, position: "chat#1", number: 1 });
    const second = poll(1, 10_000);
    clock.advance(10_000);
    expect(await second).toEqual({ events: [], position: "chat#1", number: 2 });
  });

  test("gives an answer again that did not come, and takes it as received when it did", async () => {
    const { mailbox, say, poll, told } = setUp();
    mailbox.caughtUp("p");
    say(1);
    const lost = await poll(0, 0);
    say(2);
    expect(mailbox.follows(0)).toBe(true);
    expect(await poll(0, 0)).toEqual(lost);
    expect(told).toEqual([]);
    expect(mailbox.bufferedBytes).toBe(eventOf(2).length);
    expect(mailbox.heldBytes).toBe(eventOf(1).length + eventOf(2).length);
    expect((await poll(1, 0)).events).toEqual([eventOf(2)]);
    expect(told).toEqual(["received 1", "drained"]);
    expect(mailbox.heldBytes).toBe(eventOf(2).length);
    expect(mailbox.follows(2)).toBe(true);
    expect(mailbox.follows(1)).toBe(true);
    for (const number of [0, 3]) expect(mailbox.follows(number)).toBe(false);
  });

  test("lets one poll take the place of another", async () => {
    const { mailbox, say, poll } = setUp();
    mailbox.caughtUp("p");
    const first = poll(0, 10_000);
    const second = poll(0, 10_000);
    expect(await first).toEqual({ events: [], position: "p", number: 1 });
    expect(await second).toEqual(await first);
    const third = poll(1, 10_000);
    say(1);
    expect((await third).events).toEqual([eventOf(1)]);
  });

  test("keeps for the next poll what comes after one was broken off", async () => {
    const { mailbox, say, poll, answers } = setUp();
    mailbox.caughtUp("p");
    const broken = poll(0, 10_000);
    mailbox.abandon(broken);
    say(1);
    await settled();
    expect(answers).toEqual([]);
    expect(mailbox.bufferedBytes).toBe(eventOf(1).length);
    expect((await poll(0, 10_000)).events).toEqual([eventOf(1)]);
    // One that was answered long ago is none that waits.
    const waiting = poll(1, 10_000);
    mailbox.abandon(broken);
    say(2);
    expect((await waiting).events).toEqual([eventOf(2)]);
  });

  test("is forsaken when its client stays away, and not while it waits", async () => {
    const { clock, mailbox, poll, told } = setUp();
    mailbox.caughtUp("p");
    const first = poll(0, 60_000);
    clock.advance(59_000);
    expect(told).toEqual([]);
    clock.advance(1_000);
    await first;
    clock.advance(4_999);
    void poll(1, 60_000);
    clock.advance(10_000);
    expect(told).toEqual(["received ", "drained"]);
    mailbox.abandon(poll(1, 60_000));
    clock.advance(5_000);
    expect(told).toContain("forsaken");
  });

  test("answers the poll that waits when it ends, and forgets its client", async () => {
    const { clock, mailbox, poll, told } = setUp();
    mailbox.caughtUp("p");
    const waiting = poll(0, 60_000);
    mailbox.event({ name: "error", data: '{"code":"SHUTTING_DOWN"}' });
    mailbox.end();
    expect((await waiting).events).toHaveLength(1);
    clock.advance(60_000);
    expect(told).not.toContain("forsaken");
  });

  test("that has ended answers at once, and what there was to say", async () => {
    const { mailbox, poll } = setUp();
    mailbox.event({ name: "error", data: '{"code":"TOKEN_REVOKED"}' });
    mailbox.end();
    const { events } = await poll(0, 60_000);
    expect(events).toEqual(['{"event":"error","data":{"code":"TOKEN_REVOKED"}}']);
  });
});
