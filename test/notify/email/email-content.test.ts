import { describe, expect, test } from "bun:test";
import { emailContent } from "../../../src/notify/email/email-content.ts";
import { newMessages } from "../../../src/notify/notice-text.ts";
import { MOST_COUNTED } from "../../../src/notify/provider.ts";
import { aliceNotice } from "../../support/email-notices.ts";

const GROUP = { kind: "group", title: "Team", conversationId: "team" } as const;
const MANY = newMessages(MOST_COUNTED);

describe("the subject", () => {
  test.each([
    ["New message from Alice", [aliceNotice()]],
    ["3 new messages from Alice", [aliceNotice({ count: 3 })]],
    [`${MANY} from Alice`, [aliceNotice({ count: MOST_COUNTED })]],
    ["New message in Team", [aliceNotice(GROUP)]],
    ["3 new messages in Team", [aliceNotice({ ...GROUP, count: 3 })]],
    [
      "5 new messages in 2 conversations",
      [aliceNotice({ count: 2 }), aliceNotice({ ...GROUP, count: 3 })],
    ],
    [`${MANY} in 2 conversations`, [aliceNotice({ count: MOST_COUNTED }), aliceNotice(GROUP)]],
    ["New message", [aliceNotice({ isPrivate: true })]],
    ["3 new messages", [aliceNotice({ ...GROUP, count: 3, isPrivate: true })]],
  ])("%s", (subject, notices) => {
    expect(emailContent(notices, true).subject).toBe(subject);
  });
});

describe("a conversation", () => {
  test("of two is told by who writes", () => {
    expect(emailContent([aliceNotice({ count: 2 })], true).conversations).toEqual([
      {
        ...{ title: "Alice", count: "2 new messages", conversationId: "alice-bob" },
        ...{ newest: "Are you there?", time: "2 January 2026 at 03:04 UTC" },
      },
    ]);
  });

  test.each([
    ["Europe/Vienna", "2 January 2026 at 04:04 CET"],
    ["America/New_York", "1 January 2026 at 22:04 GMT-5"],
    ["Asia/Kolkata", "2 January 2026 at 08:34 GMT+5:30"],
  ])("has a time by the user's clock: %s", (timeZone, time) => {
    const { conversations } = emailContent([aliceNotice({ timeZone })], true);
    expect(conversations[0]?.time).toBe(time);
  });

  test("of a group is told by its title, and by who wrote last", () => {
    expect(emailContent([aliceNotice(GROUP)], true).conversations).toMatchObject([
      { title: "Team", newest: "Alice: Are you there?", conversationId: "team" },
    ]);
  });
});

describe("nothing but how much there is", () => {
  const secret = aliceNotice({ count: 2, isPrivate: true });

  test("is told of conversations whose user wishes so", () => {
    const { conversations, others } = emailContent([aliceNotice(GROUP), secret], true);
    expect(conversations.map(({ title }) => title)).toEqual(["Team"]);
    expect(others).toBe("2 new messages in one other conversation");
    expect(emailContent([secret, aliceNotice(GROUP), secret], true).others).toBe(
      "4 new messages in 2 other conversations",
    );
  });

  test("is told of all of them, where the settings say so", () => {
    const content = emailContent([aliceNotice(GROUP), aliceNotice()], false);
    expect(content).toEqual({
      ...{ subject: "2 new messages in 2 conversations", conversations: [] },
      others: "2 new messages in 2 conversations",
    });
  });

  test("is told of the oldest, where there are too many", () => {
    const many = Array.from({ length: 25 }, (_, at) =>
      aliceNotice({ ...GROUP, title: `Team ${at}` }),
    );
    const { conversations, others } = emailContent(many, true);
    expect(conversations.map(({ title }) => title)).toEqual(
      many.slice(5).map(({ title }) => `${title}`),
    );
    expect(others).toBe("5 new messages in 5 other conversations");
  });
});
