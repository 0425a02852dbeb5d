import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseSend, sendSchema } from "../../src/app/message-schemas.ts";
import { parseBody } from "../../src/app/schemas.ts";
import { outcomeOf } from "../support/parse-outcome.ts";

const id = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z0-9._:@-]{1,12}$/) },
  fc.constantFrom("", "a b", "a/b", "*", "\u0000", "ä", "🙂", "\ud800", "a\n", "x".repeat(128)),
  fc.constant("x".repeat(129)),
  fc.string({ unit: "binary" }),
);
const none = fc.constantFrom(null, undefined);
const odd = fc.jsonValue();
const maybe = (value: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 4, arbitrary: value }, { weight: 2, arbitrary: none }, odd);

const body = fc.record(
  {
    conversationId: fc.oneof({ weight: 6, arbitrary: id }, odd),
    recipientId: maybe(id),
    content: fc.oneof({ weight: 6, arbitrary: fc.string({ unit: "binary" }) }, id, odd),
    type: maybe(
      fc.oneof(fc.constantFrom("TEXT", "x-1", "1x", "y".repeat(33), "TEXT\n", "MEMBER_LEFT"), id),
    ),
    clientMessageId: maybe(id),
    replyTo: maybe(id),
    status: maybe(id),
    __proto__: maybe(odd),
  },
  { requiredKeys: ["conversationId", "content"] },
);

test("a chat.send is taken or refused as its schema says, whichever way it takes", () => {
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: body }, odd), (value) => {
      const text = JSON.stringify(value) ?? "";
      const bySchema = outcomeOf((json) => parseBody(sendSchema, json), text);
      expect(outcomeOf(parseSend, text)).toEqual(bySchema);
    }),
    { numRuns: 2_000 },
  );
});

test("a message's content may be null, as what is not there, where it has attachments", () => {
  const id = "0193a000-0000-7000-8000-000000000001";
  const parse = (fields: object) =>
    outcomeOf(parseSend, JSON.stringify({ conversationId: "c1", ...fields }));
  for (const content of [null, undefined, ""]) {
    expect(parse({ content, attachments: [id] })).toMatchObject({ content: "", attachments: [id] });
    for (const attachments of [null, undefined, []]) {
      expect(parse({ content, attachments })).toMatchObject({
        ...{ code: "VALIDATION_FAILED", message: "content: must not be empty without attachments" },
      });
    }
  }
  expect(parse({ content: 1, attachments: [id] })).toMatchObject({ code: "VALIDATION_FAILED" });
});
