import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RuleName } from "./checker/fault.ts";
import { judge } from "./checker/judge.ts";
import { MUTATIONS } from "./checker/mutations.ts";
import type { Observation, SeenMessage } from "./checker/record.ts";
import { CONVERSATIONS, DEVICES, type Run, type Step, simulate } from "./checker/simulation.ts";

const CONNECT_ALL: readonly Step[] = DEVICES.map((_, device) => ({ kind: "connect", device }));

/**
 * Everybody is there, one is away for a while, one is turned away where it sends again what the other
 * node commits, a crash takes what was shown and not confirmed.
 */
const STORY: readonly Step[] = [
  ...CONNECT_ALL,
  { kind: "send", device: 0, conversation: 0 },
  { kind: "send", device: 0, conversation: 0 },
  { kind: "commit" },
  { kind: "send", device: 1, conversation: 1 },
  { kind: "drop", device: 3 },
  { kind: "send", device: 0, conversation: 1 },
  { kind: "refuse", device: 0, conversation: 1 },
  { kind: "commit" },
  { kind: "connect", device: 3 },
  { kind: "send", device: 3, conversation: 1 },
  { kind: "send", device: 0, conversation: 0 },
  { kind: "send", device: 0, conversation: 0 },
  { kind: "commit" },
  { kind: "send", device: 1, conversation: 1 },
  { kind: "turnAway", device: 1 },
  { kind: "commit" },
  { kind: "send", device: 2, conversation: 0 },
  { kind: "crash" },
  { kind: "connect", device: 1 },
  { kind: "send", device: 1, conversation: 0 },
  { kind: "commit" },
  ...CONNECT_ALL,
  { kind: "send", device: 0, conversation: 0 },
  { kind: "send", device: 0, conversation: 0 },
  { kind: "send", device: 3, conversation: 1 },
];

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: step("connect") },
    { weight: 1, arbitrary: step("drop") },
    { weight: 1, arbitrary: step("turnAway") },
    { weight: 8, arbitrary: step("send") },
    { weight: 1, arbitrary: step("refuse") },
    { weight: 4, arbitrary: step("commit") },
    { weight: 1, arbitrary: step("crash") },
  ),
  { minLength: 1, maxLength: 100, size: "max" },
);

function step(kind: Step["kind"]): fc.Arbitrary<Step> {
  const device = fc.nat(DEVICES.length - 1);
  const conversation = fc.nat(CONVERSATIONS.length - 1);
  return fc.record({ kind: fc.constant(kind), device, conversation });
}

function rulesBroken({ record, history }: Run): RuleName[] {
  return [...new Set(judge(record, history).faults.map(({ rule }) => rule))];
}

test("of a run without a fault the checker says nothing", () => {
  const { record, history } = simulate(STORY);
  const verdict = judge(record, history);
  expect(verdict.faults).toEqual([]);
  expect(verdict.confirmed).toBe([...history.values()].flat().length);
  expect(verdict.confirmed).toBeGreaterThan(8);
});

test("of any run without a fault the checker says nothing", () => {
  fc.assert(
    fc.property(steps, (run) => {
      expect(rulesBroken(simulate([...CONNECT_ALL, ...run]))).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

describe("of a known run it finds that", () => {
  test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    "%s",
    (_, mutation) => {
      const mutated = mutation.apply(simulate(STORY), () => 0);
      if (mutated === null) throw new Error("the story has nothing to lie about");
      expect(rulesBroken(mutated)).toContain(mutation.rule);
    },
  );
});

describe("of any run, wherever the fault is, it finds that", () => {
  test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    "%s",
    (_, mutation) => {
      let found = 0;
      fc.assert(
        fc.property(steps, fc.nat(), (run, choice) => {
          const correct = simulate([...CONNECT_ALL, ...run]);
          const mutated = mutation.apply(correct, (count) => choice % Math.max(1, count));
          if (mutated === null) return;
          expect(rulesBroken(mutated)).toContain(mutation.rule);
          found += 1;
        }),
        { numRuns: 200 },
      );
      expect(found).toBeGreaterThan(5);
    },
  );
});

describe("what one connection sent in order got its seq in order", () => {
  const sent = (clientMessageId: string, connection = 1): Observation => ({
    ...{ kind: "sent", connection, conversationId: "pair", clientMessageId },
    digest: clientMessageId,
  });
  const confirmed = (clientMessageId: string, seq: number): Observation => ({
    ...{ kind: "confirmed", connection: 1, conversationId: "pair", clientMessageId },
    ...{ id: clientMessageId, seq },
  });
  const opened = (connection: number): Observation => ({
    ...{ kind: "opened", connection, deviceId: "anna-1", userId: "anna", node: "one" },
    cursors: new Map(),
  });
  const kept = (...ids: string[]): SeenMessage[] =>
    ids.map((id, index) => ({
      ...{ conversationId: "pair", id, seq: index + 1, senderId: "anna", clientMessageId: id },
      digest: id,
    }));
  const broken = (observations: Observation[], history: SeenMessage[]) =>
    rulesBroken({
      record: {
        ...{ conversations: CONVERSATIONS, devices: DEVICES, resume: "sync" },
        observations: [opened(1), opened(2), ...observations],
      },
      history: new Map([["pair", history]]),
    });

  test("a swapped pair is found", () => {
    const swapped = [sent("x"), sent("y"), confirmed("y", 1), confirmed("x", 2)];
    expect(broken(swapped, kept("y", "x"))).toEqual(["send-order"]);
  });

  test("a message that was sent again may stand before or behind what came between", () => {
    const again = [sent("x"), sent("y"), sent("x"), confirmed("x", 1), confirmed("y", 2)];
    expect(broken(again, kept("x", "y"))).toEqual([]);
    const later = [sent("x"), sent("y"), sent("x"), confirmed("y", 1), confirmed("x", 2)];
    expect(broken(later, kept("y", "x"))).toEqual([]);
  });

  test("but not before what was sent before its first sending", () => {
    const early = [sent("w"), sent("x"), sent("x"), confirmed("w", 2), confirmed("x", 1)];
    expect(broken(early, kept("x", "w"))).toEqual(["send-order"]);
  });

  test("two connections have no order between them", () => {
    const two = [sent("x"), sent("y", 2), confirmed("x", 2), confirmed("y", 1)];
    expect(broken(two, kept("y", "x"))).toEqual([]);
  });
});

describe("who refused a message, and had it alone, did not store it", () => {
  const to = (connection: number, node: string | null): Observation => ({
    ...{ kind: "opened", connection, deviceId: "anna-1", userId: "anna", node },
    cursors: new Map(),
  });
  const sent = (connection: number): Observation => ({
    ...{ kind: "sent", connection, conversationId: "pair", clientMessageId: "x", digest: "x" },
  });
  const refused = (connection: number): Observation => ({
    ...{ kind: "refused", connection, clientMessageId: "x", code: "STORAGE_UNAVAILABLE" },
  });
  const broken = (...before: Observation[]) => {
    const told = { conversationId: "pair", clientMessageId: "x", id: "1", seq: 1 };
    const confirmed: Observation = { kind: "confirmed", connection: 1, ...told };
    const fixed = { conversations: CONVERSATIONS, devices: DEVICES, resume: "sync" } as const;
    const kept = { conversationId: "pair", id: "1", seq: 1, senderId: "anna", digest: "x" };
    return rulesBroken({
      record: { ...fixed, observations: [...before, confirmed] },
      history: new Map([["pair", [{ ...kept, clientMessageId: "x" }]]]),
    });
  };
  const [one, again, other] = [to(1, "one"), to(2, "one"), to(2, "two")];

  test("the one that refused it is the one that it was sent to", () => {
    expect(broken(one, sent(1), refused(1))).toEqual(["refused-confirmed"]);
    expect(broken(one, sent(1), refused(1), sent(1))).toEqual([]);
  });

  test("another one had it before, and has not said anything", () => {
    expect(broken(one, sent(1), other, sent(2), refused(2))).toEqual([]);
  });

  test("both have refused it", () => {
    const moved = [one, sent(1), refused(1), other, sent(2), refused(2)];
    expect(broken(...moved)).toEqual(["refused-confirmed"]);
    const both = [one, sent(1), other, sent(2), refused(2), refused(1)];
    expect(broken(...both)).toEqual(["refused-confirmed"]);
  });

  test("the same one had it before over another connection", () => {
    expect(broken(one, sent(1), again, sent(2), refused(2))).toEqual(["refused-confirmed"]);
  });

  test("the same one had it in an earlier life", () => {
    const lives = [one, sent(1), { kind: "restarted" } as const, other, sent(2), refused(2)];
    expect(broken(...lives)).toEqual(["refused-confirmed"]);
  });

  test("behind a balancer nobody knows whether it is the same one", () => {
    const [behind, balanced] = [to(1, null), to(2, null)];
    expect(broken(behind, sent(1), balanced, sent(2), refused(2))).toEqual([]);
    expect(broken(behind, sent(1), refused(1))).toEqual(["refused-confirmed"]);
  });
});

describe("a device counts for its user only where the server says so", () => {
  const history = new Map([
    [
      "pair",
      [
        {
          ...{ conversationId: "pair", id: "1", seq: 1, senderId: "anna", clientMessageId: "x" },
          digest: "x",
        },
      ],
    ],
  ]);
  const [message] = history.get("pair") ?? [];
  const observations: Observation[] = [
    {
      kind: "opened",
      connection: 1,
      deviceId: "anna-1",
      userId: "anna",
      node: null,
      cursors: null,
    },
    { kind: "opened", connection: 2, deviceId: "ben-1", userId: "ben", node: null, cursors: null },
    { kind: "opened", connection: 3, deviceId: "ben-2", userId: "ben", node: null, cursors: null },
    {
      ...{ kind: "sent", connection: 1, conversationId: "pair", clientMessageId: "x" },
      digest: "x",
    },
    ...(message === undefined
      ? []
      : [{ kind: "received", connection: 2, message, replay: false } as const]),
    { kind: "settled", deviceId: "ben-1" },
    { kind: "settled", deviceId: "ben-2" },
  ];

  test.each([
    ["sync", ["receipt-missing"]],
    ["subscription", []],
  ] as const)("%s", (resume, rules) => {
    const record = { conversations: CONVERSATIONS, devices: DEVICES, resume, observations };
    expect(judge(record, history).faults.map(({ rule }) => rule)).toEqual([...rules]);
  });
});
