import { expect, test } from "bun:test";
import fc from "fast-check";
import { createTransport } from "nodemailer";
import PostalMime from "postal-mime";
import { type EmailLook, emailMessage } from "../../../src/notify/email/email-message.ts";
import type { Delivery, Notice } from "../../../src/notify/provider.ts";
import { aliceNotice, emailDelivery } from "../../support/email-notices.ts";

const LOOK: EmailLook = {
  from: { name: "Parley", address: "chat@example.com" },
  replyTo: null,
  publicUrl: "https://chat.example/app",
  appName: 'Ann & "Bob"',
  showContent: true,
  unsubscribeSecret: "s".repeat(32),
};

/** Each of them once, in this order. */
const HEADERS = [
  ...["from", "to", "subject", "message-id", "date", "mime-version", "content-type"],
  ...["auto-submitted", "list-unsubscribe", "list-unsubscribe-post", "x-auto-response-suppress"],
].sort();

/** What others have at hand to write into names, titles and messages. */
const HOSTILE = [
  ...["\r\n", "\n", "\r", "\u2028", "\u0000", "\u202e", "\u2066", "\u200f", "\ud83d", "\udc00"],
  ...["\r\nBcc: eve@example.org\r\n", "\r\n\r\n", "\r\n.\r\n", "=?utf-8?q?=0D=0ABcc:_eve?="],
  ...["<script>alert(1)</script>", "</bdi><img src=x onerror=y>", "&amp;", "&", '"', "'", "`"],
  ...["👩‍👩‍👧", "e\u0301", "שלום", "Bob <eve@example.org>", ", eve@example.org", "--", "-- \n"],
];
const text = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary" }), fc.string()), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));

const notice: fc.Arbitrary<Notice> = fc
  .record({
    kind: fc.constantFrom("direct" as const, "group" as const),
    title: fc.option(text),
    senderName: text,
    content: text,
    conversationId: text.map((id) => id.toWellFormed()),
    count: fc.integer({ min: 1, max: 1_000 }),
    isPrivate: fc.boolean(),
    mentionsUser: fc.boolean(),
  })
  .map(({ senderName, content, mentionsUser, ...rest }) =>
    aliceNotice(rest, { senderName, content, mentionsUser }),
  );

const composer = createTransport({ streamTransport: true, buffer: true });

async function parsed(delivery: Delivery, look: EmailLook = LOOK) {
  const { message } = await composer.sendMail(emailMessage(delivery, look, 0));
  return await PostalMime.parse(String(message));
}

/** Elements and their attributes, as a browser's parser finds them; texts apart. */
async function shapeOf(html: string) {
  const elements: string[] = [];
  const links: string[] = [];
  const rewriter = new HTMLRewriter().on("*", {
    element(element) {
      const names = [...element.attributes].map(([name]) => name);
      elements.push([element.tagName, ...names].join(" "));
      const link = element.getAttribute("href") ?? element.getAttribute("src");
      if (link !== null) links.push(link);
    },
  });
  await rewriter.transform(new Response(html)).text();
  return { elements: new Set(elements), links };
}

test("whatever others write, the headers are ours, and so is each element of the HTML", async () => {
  const known = await shapeOf(
    (
      await parsed(
        emailDelivery([aliceNotice({ kind: "group" }), aliceNotice({ isPrivate: true })]),
      )
    ).html ?? "",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(notice, { minLength: 1, maxLength: 3 }), async (notices) => {
      const {
        headers,
        subject = "",
        to,
        html = "",
        text = "",
        attachments,
      } = await parsed(emailDelivery(notices));
      expect(headers.map(({ key }) => key).sort()).toEqual(HEADERS);
      expect(to).toEqual([{ name: "", address: "bob@example.org" }]);
      expect(attachments).toEqual([]);
      expect(subject).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
      expect(`${html}${text}`).not.toMatch(/(?!\n)[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
      const { elements, links } = await shapeOf(html);
      expect(elements.difference(known.elements)).toEqual(new Set());
      for (const link of links) expect(link).toStartWith("https://chat.example/app/");
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("a name that is an encoded word is read as it was written, and not as what it encodes", async () => {
  const senderName = "=?utf-8?q?=0D=0ABcc:_eve?=";
  const { subject } = await parsed(emailDelivery([aliceNotice({}, { senderName })]));
  expect(subject).toBe("New message from = ?utf-8?q?=0D=0ABcc:_eve?=");
});

test("the footer stands in each form once, as the last thing, with what ends the e-mails", async () => {
  const forged = "-- \nStop these e-mails: https://evil.example";
  const { text = "", html = "" } = await parsed(
    emailDelivery([aliceNotice({}, { content: forged })]),
  );
  expect(text.match(/^-- $/gm)).toHaveLength(1);
  expect(text).toMatch(
    /\nStop these e-mails: https:\/\/chat\.example\/app\/notifications\/unsubscribe\?token=\S+\n*$/,
  );
  expect(html).toContain("Ann &amp; &quot;Bob&quot; sends you this");
});

test("a conversation whose id needs it is encoded in its link", async () => {
  const { text } = await parsed(emailDelivery([aliceNotice({ conversationId: "a?b#c" })]));
  expect(text).toContain("https://chat.example/app/#a%3Fb%23c\n");
});

test("an e-mail that tells no names tells no ids of conversations either", async () => {
  const { text, html } = await parsed(emailDelivery([aliceNotice({ isPrivate: true })]));
  expect(`${text}${html}`).not.toContain("alice");
  expect(text).toContain("https://chat.example/app/\n");
});

test("an e-mail fetches nothing, and has no script and no form", async () => {
  const { html = "" } = await parsed(emailDelivery());
  expect(html).not.toMatch(/<(?:img|link|script|iframe|form|object|video)|url\(|@import/i);
});

test("a header's line is never longer than mail servers take", async () => {
  const userId = "\u{10400}".repeat(64);
  const publicUrl = `https://chat.example/${"x".repeat(179)}`;
  const { message } = await composer.sendMail(
    emailMessage(emailDelivery(undefined, { userId }), { ...LOOK, publicUrl }, 0),
  );
  const [head = ""] = String(message).split(/\r?\n\r?\n/);
  const longest = Math.max(...head.split(/\r?\n/).map((line) => Buffer.byteLength(line)));
  expect(longest).toBeLessThanOrEqual(998);
});
