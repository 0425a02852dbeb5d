import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import PostalMime from "postal-mime";
import { loadSettings } from "../../../src/config.ts";
import { openEmail } from "../../../src/notify/email/open-email.ts";
import type { NoticeProvider } from "../../../src/notify/provider.ts";
import { emailDelivery, noticeOf } from "../../support/email-notices.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { refusalOf } from "../../support/refusal.ts";
import {
  MAIL_CERTIFICATE,
  MAIL_USER,
  MailServer,
  type MailServerOptions,
} from "../../support/smtp-server.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

const NEVER = new AbortController().signal;

let stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  const all = stops.reverse();
  stops = [];
  for (const stop of all) await stop();
});

function settingsOf(env: Readonly<Record<string, string>>) {
  const { settings } = loadSettings({
    ...{ argv: [], cwd: "/srv", readFile: () => undefined },
    env: {
      PARLEY_EMAIL_FROM: "Parley <chat@example.com>",
      PARLEY_EMAIL_PUBLIC_URL: "https://chat.example/",
      PARLEY_EMAIL_UNSUBSCRIBE_SECRET: "s".repeat(32),
      ...env,
    },
  });
  return settings.email;
}

const folder = new TemporaryFolder();
const caFile = folder.file("ca.pem");
await Bun.write(caFile, MAIL_CERTIFICATE.cert);

afterAll(() => folder[Symbol.dispose]());

async function opened(env: Readonly<Record<string, string>>): Promise<NoticeProvider> {
  const provider = await openEmail(settingsOf(env), new FakeClock());
  if (provider === null) throw new Error("There is no mail server in the settings");
  stops.push(() => provider.stop());
  return provider;
}

/** Of a server of its own, and what sends by it; `env` has settings that differ. */
async function setUp(options: MailServerOptions = {}, env: Readonly<Record<string, string>> = {}) {
  const server = await MailServer.start(options);
  stops.push(() => server.stop());
  return { server, provider: await opened({ ...settingsFor(server, options.isTls), ...env }) };
}

function settingsFor(
  { port }: { readonly port: number },
  isTls = false,
  password: string = MAIL_USER.password,
) {
  const who = `${MAIL_USER.user}:${encodeURIComponent(password)}`;
  return {
    PARLEY_EMAIL_SMTP_URL: `smtp${isTls ? "s" : ""}://${who}@127.0.0.1:${port}`,
    PARLEY_EMAIL_CA_FILE: caFile,
  };
}

describe("an e-mail", () => {
  test("goes out by STARTTLS and a password, in both forms, with what programs have to know", async () => {
    const { server, provider } = await setUp();
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.exposed).toBe(0);
    const [email] = server.received;
    expect(email).toMatchObject({ from: "chat@example.com", to: ["bob@example.org"] });

    const { text = "", html = "", headers, ...mail } = await PostalMime.parse(email?.source ?? "");
    expect(mail).toMatchObject({
      from: { name: "Parley", address: "chat@example.com" },
      to: [{ name: "", address: "bob@example.org" }],
      subject: "New message from Alice",
      date: "2026-01-01T00:00:00.000Z",
      attachments: [],
    });
    const link = /https:\/\/chat\.example\/notifications\/unsubscribe\?token=[\w.-]+/;
    const [unsubscribe = ""] = link.exec(text) ?? [];
    expect(
      Object.fromEntries(headers.map(({ originalKey, value }) => [originalKey, value])),
    ).toEqual({
      ...{ From: "Parley <chat@example.com>", To: "bob@example.org" },
      Subject: "New message from Alice",
      "Message-ID": expect.stringMatching(/^<notice\.[0-9a-f]{32}@example\.com>$/),
      Date: "Thu, 01 Jan 2026 00:00:00 +0000",
      "MIME-Version": "1.0",
      "Content-Type": expect.stringMatching(/^multipart\/alternative;/),
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "List-Unsubscribe": `<${unsubscribe}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    });
    for (const form of [text, html]) {
      expect(form).toContain("Are you there?");
      expect(form).toContain("https://chat.example/#alice-bob");
      expect(form).toContain(unsubscribe);
      expect(form).toContain("2 January 2026 at 03:04 UTC");
    }
  });

  test("goes out by TLS from the first byte on, where the URL says so", async () => {
    const { server, provider } = await setUp({ isTls: true });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.received).toHaveLength(1);
  });

  test("has the same Message-ID when it is sent again, and another one when it says other things", async () => {
    const { server, provider } = await setUp();
    const [one, two] = [noticeOf(), noticeOf({ key: "f".repeat(32), conversationId: "team" })];
    for (const notices of [[one, two], [two, one], [one]]) {
      expect(await provider.send(emailDelivery(notices), NEVER)).toEqual({ kind: "sent" });
    }
    const ids = await Promise.all(
      server.received.map(async ({ source }) => (await PostalMime.parse(source)).messageId),
    );
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test("says that one click ends them only where the click goes over https", async () => {
    const { server, provider } = await setUp(
      {},
      { PARLEY_EMAIL_PUBLIC_URL: "http://chat.example" },
    );
    await provider.send(emailDelivery(), NEVER);
    const { headers } = await PostalMime.parse(server.received[0]?.source ?? "");
    const names = headers.map(({ key }) => key);
    expect(names).toContain("list-unsubscribe");
    expect(names).not.toContain("list-unsubscribe-post");
  });

  test("has no names and no texts where the server's settings say so", async () => {
    const { server, provider } = await setUp({}, { PARLEY_EMAIL_SHOW_CONTENT: "false" });
    await provider.send(emailDelivery(), NEVER);
    const { text, html, subject } = await PostalMime.parse(server.received[0]?.source ?? "");
    expect(subject).toBe("New message");
    expect(`${text}${html}`).not.toMatch(/alice|are you there/i);
  });

  test("answers go where the settings say", async () => {
    const { server, provider } = await setUp(
      {},
      { PARLEY_EMAIL_REPLY_TO: "Help <help@example.com>" },
    );
    await provider.send(emailDelivery(), NEVER);
    const { replyTo } = await PostalMime.parse(server.received[0]?.source ?? "");
    expect(replyTo).toEqual([{ name: "Help", address: "help@example.com" }]);
  });
});

describe("a connection", () => {
  test("is kept for the next e-mail, and closed at the end", async () => {
    const { server, provider } = await setUp();
    for (let count = 0; count < 3; count += 1) {
      expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    }
    expect([server.sessions, server.received.length, server.open]).toEqual([1, 3, 1]);
    await provider.stop();
    await server.closing;
    expect(server.open).toBe(0);
    expect(await provider.send(emailDelivery(), NEVER)).toMatchObject({ kind: "retry" });
  });

  test("that the server has closed meanwhile is replaced", async () => {
    const { server, provider } = await setUp();
    await provider.send(emailDelivery(), NEVER);
    server.hangUp();
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.sessions).toBe(2);
  });

  test("is one of so many as the settings say", async () => {
    const { server, provider } = await setUp({}, { PARLEY_EMAIL_CONNECTIONS: "3" });
    expect(provider.concurrency).toBe(3);
    const sends = Array.from({ length: 9 }, () => provider.send(emailDelivery(), NEVER));
    expect(await Promise.all(sends)).toEqual(Array(9).fill({ kind: "sent" }));
    expect(server.sessions).toBe(3);
  });
});

describe("nothing is sent, and it is tried again,", () => {
  test("without STARTTLS; the password is not shown either", async () => {
    const { server, provider } = await setUp({ hasStartTls: false });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "retry",
      reason: "The mail server has no STARTTLS, without which email.require_tls sends nothing",
      afterMs: null,
    });
    expect([server.received.length, server.exposed]).toEqual([0, 0]);
  });

  test("to a server that nobody vouches for", async () => {
    const { server, provider } = await setUp(
      {},
      { PARLEY_EMAIL_CA_FILE: "test/fixtures/tls-cert.pem" },
    );
    const outcome = await provider.send(emailDelivery(), NEVER);
    expect(outcome).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("cannot be used"),
    });
    const overTls = await setUp(
      { isTls: true },
      { PARLEY_EMAIL_CA_FILE: "test/fixtures/tls-cert.pem" },
    );
    expect(await overTls.provider.send(emailDelivery(), NEVER)).toMatchObject({ kind: "retry" });
    expect([...server.received, ...overTls.server.received]).toEqual([]);
  });

  test("with a wrong password, until it has been put right", async () => {
    const { server } = await setUp();
    const provider = await opened(settingsFor(server, false, "wr0ng"));
    const outcome = await provider.send(emailDelivery(), NEVER);
    expect(outcome).toEqual({
      kind: "retry",
      reason: "The mail server refuses the user or password of email.smtp_url (535 5.7.8)",
      afterMs: null,
    });
  });

  test("without a password where one is demanded", async () => {
    const { server } = await setUp();
    const url = `smtp://127.0.0.1:${server.port}`;
    const provider = await opened({ PARLEY_EMAIL_SMTP_URL: url, PARLEY_EMAIL_CA_FILE: caFile });
    expect(await provider.send(emailDelivery(), NEVER)).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("refuses the user or password of email.smtp_url (530"),
    });
  });

  test.each(["450 4.2.0 Greylisted, come back", "421 4.7.0 Too many", "452 4.2.2 Full"])(
    "when the server says %s",
    async (reply) => {
      const { server, provider } = await setUp({ onRecipient: () => reply });
      const outcome = await provider.send(emailDelivery(), NEVER);
      expect(outcome).toMatchObject({
        kind: "retry",
        reason: expect.stringContaining(reply.slice(0, 9)),
      });
      expect(server.received).toEqual([]);
    },
  );

  test("when there is no server", async () => {
    const { server, provider } = await setUp();
    await server.stop();
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "retry",
      reason: "The mail server cannot be used (ECONNREFUSED)",
      afterMs: null,
    });
  });

  test("when the server does not answer for too long", async () => {
    const { provider } = await setUp({ isMute: true }, { PARLEY_EMAIL_TIMEOUT_MS: "200" });
    expect(await provider.send(emailDelivery(), NEVER)).toMatchObject({
      kind: "retry",
      reason: "The mail server cannot be used (ETIMEDOUT)",
    });
  });

  test("when the connection breaks before the server's last word", async () => {
    const { server, provider } = await setUp({ isMute: true });
    const sending = provider.send(emailDelivery(), NEVER);
    await server.arrival;
    server.hangUp();
    expect(await sending).toMatchObject({ kind: "retry" });
    expect(server.sessions).toBe(1);
  });
});

describe("who gives up on a send", () => {
  const GIVEN_UP = {
    kind: "retry",
    reason: "The mail server has not answered in time",
    afterMs: null,
  } as const;

  test("has its answer at once, and the connection is closed", async () => {
    const { server, provider } = await setUp({ isMute: true });
    const abort = new AbortController();
    const sending = provider.send(emailDelivery(), abort.signal);
    await server.arrival;
    abort.abort();
    expect(await sending).toEqual(GIVEN_UP);
    await server.closing;
    expect(server.open).toBe(0);
  });

  test("leaves others alone", async () => {
    const { server, provider } = await setUp({}, { PARLEY_EMAIL_CONNECTIONS: "1" });
    const abort = new AbortController();
    const sends = [NEVER, abort.signal, NEVER].map((signal) =>
      provider.send(emailDelivery(), signal),
    );
    abort.abort();
    expect(await Promise.all(sends)).toEqual([{ kind: "sent" }, GIVEN_UP, { kind: "sent" }]);
    expect(server.received).toHaveLength(2);
  });

  test("has no connection left to a server that never greets", async () => {
    const { promise: arrival, resolve } = Promise.withResolvers<Socket>();
    const silent = createServer(resolve);
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
    const address = silent.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    stops.push(() => new Promise((closed) => silent.close(closed)));
    const provider = await opened(settingsFor(address));
    const abort = new AbortController();
    const sending = provider.send(emailDelivery(), abort.signal);
    const socket = await arrival;
    const closing = new Promise((closed) => socket.once("close", closed));
    socket.resume();
    abort.abort();
    expect(await sending).toEqual(GIVEN_UP);
    await closing;
  });

  test("before it has begun reaches no server", async () => {
    const { server, provider } = await setUp();
    expect(await provider.send(emailDelivery(), AbortSignal.abort())).toEqual(GIVEN_UP);
    expect(server.sessions).toBe(0);
  });

  test("a stop does so too", async () => {
    const { server, provider } = await setUp({ isMute: true });
    const sending = provider.send(emailDelivery(), NEVER);
    await server.arrival;
    await provider.stop();
    expect(await sending).toMatchObject({ kind: "retry" });
    await server.closing;
  });
});

describe("an address", () => {
  test.each([
    ["550 5.1.1 <bob@example.org> User unknown", "550 5.1.1"],
    ["550 No such user here", "550"],
    ["553 Mailbox name not allowed", "553"],
    ["550 sorry, no mailbox here by that name (#5.1.1)", "550"],
  ])("is forgotten when the server says %s", async (reply, told) => {
    const { provider } = await setUp({ onRecipient: () => reply });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "gone",
      reason: `The mail server knows no such mailbox (${told})`,
    });
  });

  test.each([
    ["550 5.7.1 Listed as a sender of spam: 127.0.0.1", "550 5.7.1"],
    ["550 Blocked", "550"],
    ["554 5.7.1 Relay access denied for bob@example.org", "554 5.7.1"],
  ])("is kept when the server says %s", async (reply, told) => {
    const { provider } = await setUp({ onRecipient: () => reply });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "refused",
      reason: `The mail server refuses the e-mail (${told})`,
    });
  });

  test("is kept when the server refuses the sender", async () => {
    const { provider } = await setUp({ onSender: () => "553 Not an address of parley's" });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "refused",
      reason: "The mail server refuses the e-mail (553)",
    });
  });

  test("is kept when the server refuses what is sent to it, and the connection goes on", async () => {
    const onMessage = () => "554 5.7.1 Spam, we think";
    const { server, provider } = await setUp({ onMessage }, { PARLEY_EMAIL_CONNECTIONS: "1" });
    for (let count = 0; count < 2; count += 1) {
      expect(await provider.send(emailDelivery(), NEVER)).toEqual({
        kind: "refused",
        reason: "The mail server refuses the e-mail (554 5.7.1)",
      });
    }
    expect(server.sessions).toBe(1);
  });

  test.each([
    "bob",
    "bob@example.org, eve@example.org",
    "bob@example.org>\r\nRCPT TO:<eve@example.org",
  ])("that is none reaches no server: %j", async (address) => {
    const { server, provider } = await setUp();
    expect(await provider.send(emailDelivery(undefined, { address }), NEVER)).toEqual({
      kind: "gone",
      reason: "The address is no e-mail address",
    });
    expect(server.sessions).toBe(0);
  });
});

describe("what the settings say", () => {
  test("nothing: there is no e-mail", async () => {
    expect(await openEmail(settingsOf({}), new FakeClock())).toBeNull();
  });

  test("a plain connection will do, but STARTTLS is used where it is offered", async () => {
    const { server, provider } = await setUp({}, { PARLEY_EMAIL_REQUIRE_TLS: "false" });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.exposed).toBe(0);
    const plain = await setUp({ hasStartTls: false }, { PARLEY_EMAIL_REQUIRE_TLS: "false" });
    await plain.provider.send(emailDelivery(), NEVER);
    expect(plain.server.exposed).toBe(1);
  });

  test("a file of certificates that is not there, or holds none", async () => {
    const url = { PARLEY_EMAIL_SMTP_URL: "smtp://mail.example" };
    for (const file of ["/nowhere.pem", import.meta.path]) {
      const settings = settingsOf({ ...url, PARLEY_EMAIL_CA_FILE: file });
      expect(await refusalOf(() => openEmail(settings, new FakeClock()))).toBe(
        "INVALID_CONFIGURATION",
      );
    }
  });
});

test("the mail server of these tests takes nothing from who has no password", async () => {
  const { server } = await setUp();
  const socket = connect(server.port, "127.0.0.1");
  const replies = socket.iterator();
  const answers: string[] = [];
  for (const command of ["", "EHLO me\r\n", "MAIL FROM:<a@example.org>\r\n"]) {
    if (command !== "") socket.write(command);
    const { value } = await replies.next();
    answers.push(String(value));
  }
  socket.destroy();
  expect(answers[1]).toContain("STARTTLS");
  expect(answers[2]).toStartWith("530 ");
});
