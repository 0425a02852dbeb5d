import { afterEach, beforeEach, expect, test } from "bun:test";
import PostalMime from "postal-mime";
import { EmailHarness } from "../support/email-harness.ts";
import { untilLogged } from "../support/nodes.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { askInNameOf } from "../support/server-api.ts";
import { MAIL_USER, MailServer } from "../support/smtp-server.ts";
import { API_KEY } from "../support/tokens.ts";

let harness: EmailHarness;

beforeEach(() => {
  harness = new EmailHarness();
});

afterEach(() => harness.stop());

/** A server that tells of messages by e-mail at once. */
async function start(mail: MailServer, password?: string): Promise<ParleyProcess> {
  const server = await startParley({
    env: {
      ...(await harness.settingsFor(mail, false, password)),
      PARLEY_EMAIL_FROM: "Parley <chat@example.com>",
      PARLEY_EMAIL_PUBLIC_URL: "https://chat.example",
      PARLEY_EMAIL_UNSUBSCRIBE_SECRET: "s".repeat(32),
      ...{ PARLEY_NOTIFY_EMAIL_DELAY_MS: "0", PARLEY_NOTIFY_EMAIL_INTERVAL_MS: "0" },
      ...{ PARLEY_API_KEYS: API_KEY, PARLEY_NOTIFY_RETRY_MS: "1", PARLEY_PRESENCE_GRACE_MS: "0" },
    },
  });
  harness.onStop(() => server.stop());
  return server;
}

async function mailServer(): Promise<MailServer> {
  const mail = await MailServer.start();
  harness.onStop(() => mail.stop());
  return mail;
}

/** The app's back end knows whose the address is. */
async function reach(server: ParleyProcess, userId: string): Promise<void> {
  const target = { channel: "email", address: `${userId}@example.org` };
  const { status } = await askInNameOf(
    ...([server, userId, "POST", "/api/notifications/targets", target] as const),
  );
  expect(status).toBe(201);
}

async function send(server: ParleyProcess, recipientId: string, content: string): Promise<void> {
  const path = `/api/conversations/alice-${recipientId}/messages`;
  const { status } = await askInNameOf(server, "alice", "POST", path, { recipientId, content });
  expect(status).toBe(201);
}

test("who is away gets an e-mail, and none any more after one click", async () => {
  const mail = await mailServer();
  const server = await start(mail);
  await reach(server, "bob");
  await send(server, "bob", "Are you there?");
  await mail.taken(1);
  const [email] = mail.received;
  expect(email?.to).toEqual(["bob@example.org"]);
  const { text, headers } = await PostalMime.parse(email?.source ?? "");
  expect(text).toContain("Are you there?");

  const header = headers.find(({ key }) => key === "list-unsubscribe")?.value ?? "";
  const { pathname, search } = new URL(header.slice(1, -1));
  const click = await fetch(server.url + pathname + search, {
    ...{ method: "POST", headers: { origin: "https://mail.example" } },
    body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }),
  });
  expect(click.status).toBe(200);
  const { body } = await askInNameOf(server, "bob", "GET", "/api/notifications");
  expect(body.preferences).toMatchObject({ email: false, push: true });

  await send(server, "bob", "Nobody reads this");
  await reach(server, "carol");
  await send(server, "carol", "A later one");
  await mail.taken(2);
  expect(mail.received.map(({ to }) => to.join())).toEqual([
    ...["bob@example.org", "carol@example.org"],
  ]);
});

test("the log says what is wrong with the mail server, and neither addresses nor passwords", async () => {
  const mail = await mailServer();
  const server = await start(mail, "wr0ng-passw0rd");
  await reach(server, "bob");
  await send(server, "bob", "Are you there?");
  await untilLogged(server, "refuses the user or password of email.smtp_url (535 5.7.8)");
  expect(mail.received).toEqual([]);
  for (const secret of ["bob@", MAIL_USER.password, "wr0ng", "Are you there?"]) {
    expect(server.log()).not.toContain(secret);
  }
});
