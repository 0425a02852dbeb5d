import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { EventMailbox, type PollAnswer } from "../../src/transport/event-mailbox.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";
import { message } from "../support/stored.ts";

function setUp() {
  const clock = new FakeClock();
  const told: string[] = [];
  /** What messages say now that do not say what they did. */
  const changed = new Map<number, string | null>();
  let isFailing = false;
  const fail = (failing: boolean): void => {
    isFailing = failing;
  };
  const mailbox = new EventMailbox({
    ...{ clock, position: null, highWaterBytes: 200, graceMs: 5_000 },
    bodyOf: async ({ seq }) => {
      if (isFailing) throw new AppError("STORAGE_UNAVAILABLE", "the disk is away");
      return changed.has(seq) ? (changed.get(seq) ?? null) : `{"seq":${seq}}`;
    },
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
  return { clock, told, mailbox, say, poll, answers, changed, fail };
}

/** Its client has caught up, and knows it by the first answer. */
async function begun() {
  const all = setUp();
  all.mailbox.caughtUp("p");
  expect((await all.poll(0, 0)).events).toEqual([READY]);
  // The poll that says that the answer has come, and gives up.
  all.mailbox.abandon(all.poll(1, 10_000));
  await settled();
  all.told.length = 0;
  all.answers.length = 0;
  return all;
}

const READY = '{"event":"ready","data":{}}';
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
    const events = [eventOf(1), eventOf(2), READY];
    expect(answers).toEqual([{ events, position: "chat#2", number: 1 }]);
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
    const { clock, mailbox, say, poll } = await begun();
    const first = poll(1, 10_000);
    say(1);
    mailbox.event({ name: "receipt", data: "{}" });
    const events = [eventOf(1), '{"event":"receipt","data":{}}'];
    expect(await first).toEqual({ events, position: "chat#1", number: 2 });
    const second = poll(2, 10_000);
    clock.advance(10_000);
    expect(await second).toEqual({ events: [], position: "chat#1", number: 3 });
  });

  test("gives an answer again that did not come, and takes it as received when it did", async () => {
    const { mailbox, say, poll, told } = await begun();
    say(1);
    const lost = await poll(1, 0);
    say(2);
    expect(mailbox.follows(1)).toBe(true);
    expect(await poll(1, 0)).toEqual(lost);
    expect(told).toEqual([]);
    expect(mailbox.bufferedBytes).toBe(eventOf(2).length);
    expect(mailbox.heldBytes).toBe(eventOf(1).length + eventOf(2).length);
    expect((await poll(2, 0)).events).toEqual([eventOf(2)]);
    expect(told).toEqual(["received 1", "drained"]);
    expect(mailbox.heldBytes).toBe(eventOf(2).length);
    expect(mailbox.follows(3)).toBe(true);
    expect(mailbox.follows(2)).toBe(true);
    for (const number of [1, 4]) expect(mailbox.follows(number)).toBe(false);
  });

  test("answers with what messages say then, and the answer that was lost as well", async () => {
    const { say, poll, changed, told } = await begun();
    say(1);
    say(2);
    say(3);
    changed.set(1, '{"seq":1,"content":""}');
    changed.set(2, null);
    const erased = '{"event":"message","data":{"seq":1,"content":""}}';
    const lost = await poll(1, 0);
    expect(lost).toEqual({ events: [erased, eventOf(3)], position: "chat#3", number: 2 });
    changed.set(3, null);
    expect(await poll(1, 0)).toEqual({ ...lost, events: [erased] });
    await poll(2, 0);
    expect(told).toEqual(["received 1,2,3", "drained"]);
  });

  test("writes anew what waited while its client was given what it had missed", async () => {
    const { mailbox, say, poll, changed } = setUp();
    const waiting = poll(0, 10_000);
    say(1);
    await settled();
    changed.set(1, '{"seq":1,"content":""}');
    mailbox.caughtUp("p");
    const erased = '{"event":"message","data":{"seq":1,"content":""}}';
    expect((await waiting).events).toEqual([erased, READY]);
  });

  test("asks nothing of what is answered with in the turn in which it came", async () => {
    const { say, poll, fail } = await begun();
    const waiting = poll(1, 10_000);
    fail(true);
    say(1);
    expect((await waiting).events).toEqual([eventOf(1)]);
  });

  test("gives what could not be read when it is asked for again", async () => {
    const { mailbox, say, poll, fail } = await begun();
    say(1);
    fail(true);
    expect(mailbox.poll(1, 0)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    await settled();
    fail(false);
    expect(mailbox.follows(1)).toBe(true);
    expect(await poll(1, 0)).toEqual({ events: [eventOf(1)], position: "chat#1", number: 2 });
  });

  test("gives two that ask for the same the same, when the first of their times is up", async () => {
    const { clock, mailbox, say, poll, answers } = await begun();
    const first = poll(1, 10_000);
    const second = poll(1, 5_000);
    await settled();
    expect(answers).toEqual([]);
    clock.advance(5_000);
    expect(await first).toEqual({ events: [], position: "p", number: 2 });
    expect(await second).toEqual(await first);
    const [third, fourth] = [poll(2, 10_000), poll(2, 10_000)];
    mailbox.abandon(third);
    say(1);
    expect((await fourth).events).toEqual([eventOf(1)]);
    const [fifth, sixth] = [poll(3, 10_000), poll(3, 10_000)];
    mailbox.abandon(fifth);
    mailbox.abandon(sixth);
    say(2);
    await settled();
    expect(mailbox.bufferedBytes).toBe(eventOf(2).length);
  });

  test("keeps for the next poll what comes after one was broken off", async () => {
    const { mailbox, say, poll, answers } = await begun();
    const broken = poll(1, 10_000);
    mailbox.abandon(broken);
    say(1);
    await settled();
    expect(answers).toEqual([]);
    expect(mailbox.bufferedBytes).toBe(eventOf(1).length);
    expect((await poll(1, 10_000)).events).toEqual([eventOf(1)]);
    // One that was answered long ago is none that waits.
    const waiting = poll(2, 10_000);
    mailbox.abandon(broken);
    say(2);
    expect((await waiting).events).toEqual([eventOf(2)]);
  });

  test("is forsaken when its client stays away, and not while it waits", async () => {
    const { clock, mailbox, poll, told } = await begun();
    const first = poll(1, 60_000);
    clock.advance(59_000);
    expect(told).toEqual([]);
    clock.advance(1_000);
    await first;
    clock.advance(4_999);
    const second = poll(2, 60_000);
    clock.advance(10_000);
    expect(told).toEqual(["received ", "drained"]);
    mailbox.abandon(second);
    clock.advance(5_000);
    expect(told).toContain("forsaken");
  });

  test("answers the poll that waits when it ends, and forgets its client", async () => {
    const { clock, mailbox, poll, told } = await begun();
    const waiting = poll(1, 60_000);
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
