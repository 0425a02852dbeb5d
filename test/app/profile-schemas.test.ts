import { expect, test } from "bun:test";
import { profileSchema } from "../../src/app/conversation-schemas.ts";
import { userProfileSchema } from "../../src/app/profile-schemas.ts";
import { parseBody } from "../../src/app/schemas.ts";
import { outcomeOf } from "../support/parse-outcome.ts";

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
