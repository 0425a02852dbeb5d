import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { EmailHarness, NEVER } from "../../support/email-harness.ts";
import { emailDelivery } from "../../support/email-notices.ts";

let harness: EmailHarness;

beforeEach(() => {
  harness = new EmailHarness();
});

afterEach(() => harness.stop());

describe("nothing is sent, and it is tried again,", () => {
  test("without STARTTLS; the password is not shown either", async () => {
    const { server, provider } = await harness.start({ hasStartTls: false });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      ...{ kind: "retry", blames: "provider" },
      reason: "The mail server has no STARTTLS, without which email.require_tls sends nothing",
      afterMs: null,
    });
    expect([server.received.length, server.exposed]).toEqual([0, 0]);
  });

  test("to a server that nobody vouches for", async () => {
    const { server, provider } = await harness.start(
      {},
      { PARLEY_EMAIL_CA_FILE: "test/fixtures/tls-cert.pem" },
    );
    const outcome = await provider.send(emailDelivery(), NEVER);
    expect(outcome).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("cannot be used"),
    });
    const overTls = await harness.start(
      { isTls: true },
      { PARLEY_EMAIL_CA_FILE: "test/fixtures/tls-cert.pem" },
    );
    expect(await overTls.provider.send(emailDelivery(), NEVER)).toMatchObject({ kind: "retry" });
    expect([...server.received, ...overTls.server.received]).toEqual([]);
  });

  test("with a wrong password, until it has been put right", async () => {
    const { server } = await harness.start();
    const provider = await harness.open(await harness.settingsFor(server, false, "wr0ng"));
    const outcome = await provider.send(emailDelivery(), NEVER);
    expect(outcome).toEqual({
      ...{ kind: "retry", blames: "provider" },
      reason: "The mail server refuses the user or password of email.smtp_url (535 5.7.8)",
      afterMs: null,
    });
  });

  test("without a password where one is demanded", async () => {
    const { server } = await harness.start();
    const url = `smtp://127.0.0.1:${server.port}`;
    const settings = await harness.settingsFor(server);
    const provider = await harness.open({ ...settings, PARLEY_EMAIL_SMTP_URL: url });
    expect(await provider.send(emailDelivery(), NEVER)).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("refuses the user or password of email.smtp_url (530"),
    });
  });

  test.each([
    ["450 4.2.0 Greylisted, come back", "target"],
    ["421 4.7.0 Too many", "provider"],
    ["452 4.2.2 Full", "target"],
  ])(
    "when the server says %s of a mailbox, for which the %s is to blame",
    async (reply, blames) => {
      const { server, provider } = await harness.start({ onRecipient: () => reply });
      const outcome = await provider.send(emailDelivery(), NEVER);
      expect(outcome).toMatchObject({
        ...{ kind: "retry", blames },
        reason: expect.stringContaining(reply.slice(0, 9)),
      });
      expect(server.received).toEqual([]);
    },
  );

  test("when there is no server", async () => {
    const { server, provider } = await harness.start();
    await server.stop();
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      ...{ kind: "retry", blames: "provider" },
      reason: "The mail server cannot be used (ECONNREFUSED)",
      afterMs: null,
    });
  });

  test("when the connection breaks before the server's last word", async () => {
    const { server, provider } = await harness.start({ isMute: true });
    const sending = provider.send(emailDelivery(), NEVER);
    await server.arrival;
    server.hangUp();
    expect(await sending).toMatchObject({ kind: "retry" });
    expect(server.sessions).toBe(1);
  });
});

describe("an address", () => {
  test.each([
    ["550 5.1.1 <bob@example.org> User unknown", "550 5.1.1"],
    ["550 No such user here", "550"],
    ["553 Mailbox name not allowed", "553"],
    ["550 sorry, no mailbox here by that name (#5.1.1)", "550"],
  ])("is forgotten when the server says %s", async (reply, told) => {
    const { provider } = await harness.start({ onRecipient: () => reply });
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
    const { provider } = await harness.start({ onRecipient: () => reply });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "refused",
      reason: `The mail server refuses the e-mail (${told})`,
    });
  });

  test("is kept when the server refuses the sender", async () => {
    const { provider } = await harness.start({ onSender: () => "553 Not an address of parley's" });
    expect(await provider.send(emailDelivery(), NEVER)).toEqual({
      kind: "refused",
      reason: "The mail server refuses the e-mail (553)",
    });
  });

  test("is kept when the server refuses what is sent to it, and the connection goes on", async () => {
    const onMessage = () => "554 5.7.1 Spam, we think";
    const { server, provider } = await harness.start(
      { onMessage },
      { PARLEY_EMAIL_CONNECTIONS: "1" },
    );
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
    const { server, provider } = await harness.start();
    expect(await provider.send(emailDelivery(undefined, { address }), NEVER)).toEqual({
      kind: "gone",
      reason: "The address is no e-mail address",
    });
    expect(server.sessions).toBe(0);
  });
});

test("the mail server of these tests takes nothing from who has no password", async () => {
  const { server } = await harness.start();
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
