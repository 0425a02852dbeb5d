import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  parseBody,
  parseSend,
  profileSchema,
  sendSchema,
  userProfileSchema,
} from "../../src/app/schemas.ts";
import { AppError } from "../../src/errors.ts";

/** What becomes of the body: its fields, or the error with its details. */
function outcomeOf(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch (fault) {
    if (!(fault instanceof AppError)) throw fault;
    return { code: fault.code, message: fault.message, details: fault.details };
  }
}

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

test("no user goes by a name of the server's own, however it is written", () => {
  const outcome = (name: string) => outcomeOf((text) => parseBody(userProfileSchema, text), name);
  const named = (name: string) => outcome(JSON.stringify({ name }));
  const own = [
    ...["System", "SYSTEM", "/system", "Deleted user", "deleted  USER", "\u{ff33}ystem"],
    ...[
      "Sys\u200btem",
      "\u2060System\ufe0f",
      "S\u00adystem",
      "Deleted\u00a0user",
      "\u202fsystem\u3164",
    ],
  ];
  for (const name of own) expect([name, named(name)]).toEqual([name, ofOwn]);
  for (const name of ["Systems", "Ann System", "A deleted user"]) {
    expect(named(name)).toEqual({ name });
  }
});

const ofOwn = {
  ...{ code: "VALIDATION_FAILED", message: "name: is the server's own, and no user's" },
  details: {},
};

test("a name, and a title, has something to see", () => {
  const isTaken = (text: string) =>
    userProfileSchema.safeParse({ name: text }).success &&
    profileSchema.safeParse({ title: text }).success;
  const empty = ["\u200b", "\u200f\u061c", "\u3164", "\u2800 \u2800", "\u{e0061}", "\u00ad\ufe0f"];
  for (const text of [...empty, "a\u202eb", "a\u2067b", "a\u0007b", "a\u2028b"]) {
    expect([text, isTaken(text)]).toEqual([text, false]);
  }
  // Joiners and marks of direction are part of how some are written.
  const written = [
    "\u0645\u06cc\u200c\u0631\u0648\u062f",
    "\u05d0\u200e!",
    "\u{1f469}\u200d\u{1f680}",
  ];
  for (const text of written) expect([text, isTaken(text)]).toEqual([text, true]);
});
