import { describe, expect, test } from "bun:test";
import { isEmailAddress, parseMailbox } from "../../src/config/mailbox.ts";
import { parseSmtpUrl } from "../../src/config/smtp-url.ts";
import { loadSettings } from "../../src/config.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const WHOLE = [
  "--email-smtp-url=smtp://mail.example",
  "--email-from=chat@example.com",
  "--email-public-url=https://chat.example/app/",
  `--email-unsubscribe-secret=${SECRET}`,
];

function load(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings.email;
}

test("there is no e-mail unless a mail server is named", () => {
  expect(load()).toMatchObject({ smtpUrl: undefined, requireTls: true, showContent: true });
});

test("a mail server needs who e-mails are from, where links lead and what signs them", () => {
  expect(load(...WHOLE)).toMatchObject({ connections: 2, appName: "Parley" });
  for (const [at, name] of [
    [1, "email.from"],
    [2, "email.public_url"],
    [3, "email.unsubscribe_secret"],
  ] as const) {
    expect(() => load(...WHOLE.toSpliced(at, 1))).toThrow(name);
  }
});

test.each([
  "--email-smtp-url=http://u:s3cret@host",
  "--email-from=Parley",
  "--email-from=Parley <chat@example.com>, eve@example.com",
  "--email-reply-to=a@b@c",
  "--email-public-url=ftp://chat.example",
  "--email-public-url=https://ann:pw@chat.example",
  "--email-public-url=https://chat.example/?a=b",
  `--email-public-url=https://chat.example/${"x".repeat(200)}`,
  "--email-app-name=two\nlines",
  `--email-app-name=${"x".repeat(65)}`,
  "--email-unsubscribe-secret=s3cret",
  "--email-connections=0",
])("%s is refused, and no secret in it is told", (flag) => {
  let told = "";
  try {
    load(flag);
  } catch (fault) {
    told = String(fault);
  }
  expect(told).toContain("email.");
  expect(told).not.toContain("s3cret");
});

describe("the URL of a mail server", () => {
  const none = { isTls: false, credentials: undefined };

  test.each([
    ["smtp://mail.example", { ...none, host: "mail.example", port: 587 }],
    ["smtps://mail.example/", { ...none, host: "mail.example", port: 465, isTls: true }],
    ["smtp://[::1]:25", { ...none, host: "::1", port: 25 }],
    [
      "smtp://parley%40example.com:p%3Aw%2F@10.0.0.1:2525",
      {
        ...{ host: "10.0.0.1", port: 2_525, isTls: false },
        credentials: { user: "parley@example.com", password: "p:w/" },
      },
    ],
  ])("%s", (url, target) => {
    expect(parseSmtpUrl(url)).toEqual(target);
  });

  test.each([
    ...["mail.example", "mail.example:25", "https://mail.example", "smtp://", "smtp://:25"],
    ...[
      "smtp://host:0",
      "smtp://host:70000",
      "smtp://host/path",
      "smtp://host?tls=no",
      "smtp://host#a",
    ],
    ...["smtp://user@host", "smtp://:password@host", "smtp://%zz:p@host", "smtp://ho st"],
  ])("%s is none", (url) => {
    expect(parseSmtpUrl(url)).toBeNull();
  });
});

describe("an e-mail address", () => {
  test.each([
    ...[
      "bob@example.org",
      "b.o'b+chat@mail.example.org",
      "root@localhost",
      "ann_1@xn--jgeva-dua.ee",
    ],
    ...["jõgeva@jõgeva.ee", "用户@例え.jp", `${"x".repeat(64)}@example.org`],
  ])("%s", (address) => {
    expect(isEmailAddress(address)).toBe(true);
  });

  test.each([
    ...["", "bob", "@example.org", "bob@", "bob@@example.org", "a@b@c", ".bob@example.org"],
    ...[
      "bob.@example.org",
      "b..b@example.org",
      "bob@-a.org",
      "bob@a-.org",
      "bob@a..org",
      "bob@a.org.",
    ],
    ...[
      "bob @example.org",
      "bob@exam ple.org",
      "bob@example.org\r\nBcc: x",
      "bob\u202e@example.org",
    ],
    ...["<bob@example.org>", "Bob <bob@example.org>", "a@x.org,b@x.org", '"bob"@example.org'],
    ...["bob@[127.0.0.1]", `${"x".repeat(65)}@example.org`, `bob@${"x".repeat(251)}`],
  ])("%j is none", (address) => {
    expect(isEmailAddress(address)).toBe(false);
  });
});

test.each([
  ["chat@example.com", { name: null, address: "chat@example.com" }],
  [" Parley <chat@example.com> ", { name: "Parley", address: "chat@example.com" }],
  ['"Ann, Bob & Co." <chat@example.com>', { name: "Ann, Bob & Co.", address: "chat@example.com" }],
  ["<chat@example.com>", null],
  ["Parley\r\n <chat@example.com>", null],
  ["Parley <chat@example.com> x", null],
  ["Parley <one@example.com> <chat@example.com>", null],
])("%j is from %p", (text, mailbox) => {
  expect(parseMailbox(text)).toEqual(mailbox);
});
