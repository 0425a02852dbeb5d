import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import PostalMime from "postal-mime";
import { openEmail } from "../../../src/notify/email/open-email.ts";
import { EmailHarness, emailSettings, NEVER } from "../../support/email-harness.ts";
import { aliceNotice, emailDelivery } from "../../support/email-notices.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { refusalOf } from "../../support/refusal.ts";

let harness: EmailHarness;

beforeEach(() => {
  harness = new EmailHarness();
});

afterEach(() => harness.stop());

describe("an e-mail", () => {
  test("goes out by STARTTLS and a password, in both forms, with what programs have to know", async () => {
    const { server, provider } = await harness.start();
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
    const { server, provider } = await harness.start({ isTls: true });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.received).toHaveLength(1);
  });

  test("has the same Message-ID when it is sent again, and another one when it says other things", async () => {
    const { server, provider } = await harness.start();
    const [one, two] = [
      aliceNotice(),
      aliceNotice({ key: "f".repeat(32), conversationId: "team" }),
    ];
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
    const { server, provider } = await harness.start(
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
    const { server, provider } = await harness.start({}, { PARLEY_EMAIL_SHOW_CONTENT: "false" });
    await provider.send(emailDelivery(), NEVER);
    const { text, html, subject } = await PostalMime.parse(server.received[0]?.source ?? "");
    expect(subject).toBe("New message");
    expect(`${text}${html}`).not.toMatch(/alice|are you there/i);
  });

  test("answers go where the settings say", async () => {
    const { server, provider } = await harness.start(
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
    const { server, provider } = await harness.start();
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
    const { server, provider } = await harness.start();
    await provider.send(emailDelivery(), NEVER);
    server.hangUp();
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.sessions).toBe(2);
  });

  test("is one of so many as the settings say", async () => {
    const { server, provider } = await harness.start({}, { PARLEY_EMAIL_CONNECTIONS: "3" });
    expect(provider.concurrency).toBe(3);
    const sends = Array.from({ length: 9 }, () => provider.send(emailDelivery(), NEVER));
    expect(await Promise.all(sends)).toEqual(Array(9).fill({ kind: "sent" }));
    expect(server.sessions).toBe(3);
  });
});

describe("who gives up on a send", () => {
  const GIVEN_UP = {
    kind: "retry",
    blames: "provider",
    reason: "The mail server has not answered in time",
    afterMs: null,
  } as const;

  test("has its answer at once, and the connection is closed", async () => {
    const { server, provider } = await harness.start({ isMute: true });
    const abort = new AbortController();
    const sending = provider.send(emailDelivery(), abort.signal);
    await server.arrival;
    abort.abort();
    expect(await sending).toEqual(GIVEN_UP);
    await server.closing;
    expect(server.open).toBe(0);
  });

  test("leaves others alone", async () => {
    const { server, provider } = await harness.start({}, { PARLEY_EMAIL_CONNECTIONS: "1" });
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
    harness.onStop(() => new Promise((closed) => silent.close(closed)));
    const provider = await harness.open(await harness.settingsFor(address));
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
    const { server, provider } = await harness.start();
    expect(await provider.send(emailDelivery(), AbortSignal.abort())).toEqual(GIVEN_UP);
    expect(server.sessions).toBe(0);
  });

  test("a stop does so too", async () => {
    const { server, provider } = await harness.start({ isMute: true });
    const sending = provider.send(emailDelivery(), NEVER);
    await server.arrival;
    await provider.stop();
    expect(await sending).toMatchObject({ kind: "retry" });
    await server.closing;
  });
});

describe("what the settings say", () => {
  test("nothing: there is no e-mail", async () => {
    expect(await openEmail(emailSettings({}), new FakeClock())).toBeNull();
  });

  test("a plain connection will do, but STARTTLS is used where it is offered", async () => {
    const { server, provider } = await harness.start({}, { PARLEY_EMAIL_REQUIRE_TLS: "false" });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({ kind: "sent" });
    expect(server.exposed).toBe(0);
    const plain = await harness.start(
      { hasStartTls: false },
      { PARLEY_EMAIL_REQUIRE_TLS: "false" },
    );
    await plain.provider.send(emailDelivery(), NEVER);
    expect(plain.server.exposed).toBe(1);
  });

  test("a file of certificates that is not there, or holds none", async () => {
    const url = { PARLEY_EMAIL_SMTP_URL: "smtp://mail.example" };
    for (const file of ["/nowhere.pem", import.meta.path]) {
      const settings = emailSettings({ ...url, PARLEY_EMAIL_CA_FILE: file });
      expect(await refusalOf(() => openEmail(settings, new FakeClock()))).toBe(
        "INVALID_CONFIGURATION",
      );
    }
  });
});
