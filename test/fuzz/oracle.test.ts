import { describe, expect, test } from "bun:test";
import type { Expectation } from "./expectation.ts";
import { type FaultKind, type Observation, Oracle } from "./oracle.ts";

const answer = (
  receipt: string,
  by: "receipt" | "refusal" | "either" = "receipt",
  isOwed = true,
): Expectation => ({ kind: "answer", receipt, by, isOwed });
const malformed: Expectation = { kind: "error", codes: ["MALFORMED_FRAME"], why: "no colon" };
const perhaps: Expectation = { kind: "possible-error", codes: ["UNKNOWN_ACK"] };
const bye: Expectation = { kind: "close", why: "DISCONNECT" };

const receipt = (id: string): Observation => ({ kind: "receipt", receipt: id });
const refusal = (id: string): Observation => ({ kind: "refusal", receipt: id });
const error = (code = "MALFORMED_FRAME"): Observation => ({ kind: "error", code });
const closed: Observation = { kind: "closed" };
const connected: Observation = { kind: "connected" };
const message: Observation = { kind: "message" };

/** What the judge says of a made-up server, at the end of its time. */
function faultsOf(expected: Expectation[], observed: Observation[]): FaultKind[] {
  const oracle = new Oracle();
  for (const expectation of expected) oracle.expect(expectation);
  for (const observation of observed) oracle.observe(observation);
  oracle.late();
  return oracle.faults.map(({ kind }) => kind);
}

describe("a server that does right is let pass", () => {
  const cases: [name: string, Expectation[], Observation[]][] = [
    ["receipts in any order", [answer("1"), answer("2")], [receipt("2"), message, receipt("1")]],
    ["CONNECTED", [{ kind: "connected" }], [connected]],
    ["an ERROR and the close", [malformed], [error(), closed]],
    ["a close without ERROR for what is malformed", [malformed], [closed]],
    ["a receipt before the ERROR", [answer("1"), malformed], [receipt("1"), error(), closed]],
    ["no receipt before the ERROR", [answer("1"), malformed], [error(), closed]],
    ["a refusal that was due", [answer("1", "refusal")], [refusal("1")]],
    ["a refusal on two subscriptions", [answer("1", "either")], [refusal("1"), refusal("1")]],
    ["silence where nobody listens", [answer("1", "refusal", false)], []],
    ["silence once nobody listens", [answer("1", "either"), { kind: "errors-unheard" }], []],
    ["an ERROR that may be", [perhaps, answer("1")], [error("UNKNOWN_ACK"), closed]],
    ["no ERROR where one may be", [perhaps, answer("1")], [receipt("1")]],
    ["DISCONNECT", [answer("1"), answer("bye"), bye], [receipt("1"), receipt("bye"), closed]],
    ["a pong", [{ kind: "pong", payload: "x" }], [{ kind: "pong", payload: "x" }]],
  ];
  test.each(cases)("%s", (_name, expected, observed) => {
    expect(faultsOf(expected, observed)).toEqual([]);
  });
});

describe("a server that does wrong is caught", () => {
  const cases: [name: string, FaultKind, Expectation[], Observation[]][] = [
    ["a lost receipt", "silence", [answer("1"), answer("2")], [receipt("2")]],
    [
      "a receipt asked for twice, given once",
      "silence",
      [answer("1"), answer("1")],
      [receipt("1")],
    ],
    ["no CONNECTED", "silence", [{ kind: "connected" }], []],
    ["silence on what must be refused", "silence", [answer("1", "refusal")], []],
    ["silence on what is malformed", "no refusal", [malformed], []],
    ["a receipt in place of an ERROR", "no refusal", [answer("1"), malformed], [receipt("1")]],
    ["an ERROR without a close", "open", [malformed], [error()]],
    ["no close after DISCONNECT", "open", [answer("b"), bye], [receipt("b")]],
    ["a close before the DISCONNECT's receipt", "silence", [answer("b"), bye], [closed]],
    ["a lost receipt before DISCONNECT", "silence", [answer("1"), bye], [closed]],
    ["an ERROR for a valid frame", "wrong refusal", [answer("1")], [error(), closed]],
    ["an ERROR of another code", "wrong refusal", [malformed], [error("INTERNAL"), closed]],
    ["a close for nothing", "lost", [answer("1")], [receipt("1"), closed]],
    [
      "a receipt after the ERROR",
      "after error",
      [answer("1"), malformed],
      [error(), receipt("1"), closed],
    ],
    ["a message after the ERROR", "after error", [malformed], [error(), message, closed]],
    ["a second ERROR", "after error", [malformed], [error(), error(), closed]],
    [
      "a receipt for a frame after the refused one",
      "foreign",
      [malformed, answer("2")],
      [receipt("2"), error(), closed],
    ],
    ["a receipt that nobody asked for", "foreign", [], [receipt("9")]],
    ["a receipt given twice", "foreign", [answer("1")], [receipt("1"), receipt("1")]],
    ["a CONNECTED given twice", "foreign", [{ kind: "connected" }], [connected, connected]],
    [
      "a receipt for what must be refused",
      "wrong answer",
      [answer("1", "refusal")],
      [receipt("1")],
    ],
    ["a refusal of what is valid", "wrong answer", [answer("1")], [refusal("1"), receipt("1")]],
    ["an answer that is no frame", "not stomp", [], [{ kind: "garbage", text: "no colon" }]],
    [
      "another pong than the ping",
      "foreign",
      [{ kind: "pong", payload: "x" }],
      [{ kind: "pong", payload: "y" }],
    ],
  ];
  test.each(cases)("%s", (_name, kind, expected, observed) => {
    expect(faultsOf(expected, observed)).toContain(kind);
  });
});
