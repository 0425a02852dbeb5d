import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { newVapidKeys } from "../../bench/notices/vapid.ts";
import { expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { type PushService, startPushService } from "../support/push-service.ts";
import { PushedTab } from "../support/pushed-tab.ts";
import { answerOf, askAs, askInNameOf } from "../support/server-api.ts";
import { API_KEY } from "../support/tokens.ts";

setDefaultTimeout(120_000);

const { parley, tabOf, blank } = chatPages();
const vapid = newVapidKeys();

let pushes: PushService;

beforeEach(() => {
  pushes = startPushService();
});
afterEach(() => pushes.stop());

/** A server that pushes as soon as it can. */
function pushing(env: Readonly<Record<string, string>> = {}): Promise<ParleyProcess> {
  return parley({
    env: {
      PARLEY_API_KEYS: API_KEY,
      PARLEY_WEBPUSH_PUBLIC_KEY: vapid.publicKey,
      PARLEY_WEBPUSH_PRIVATE_KEY: vapid.privateKey,
      PARLEY_WEBPUSH_SUBJECT: "mailto:operator@example.org",
      PARLEY_OUTBOUND_ALLOW: "127.0.0.1",
      PARLEY_PRESENCE_GRACE_MS: "0",
      PARLEY_NOTIFY_PUSH_INTERVAL_MS: "0",
      ...env,
    },
  });
}

/** In a browser of its own. */
async function pushedTab(url: string, userId: string, isAllowed = true): Promise<PushedTab> {
  const pushed = await PushedTab.of(await blank(), url, pushes, isAllowed);
  await pushed.signIn(url, userId);
  return pushed;
}

async function say(server: ParleyProcess, content: string): Promise<void> {
  const path = "/api/conversations/dm:alice:bob/messages";
  const said = { recipientId: "alice", content };
  expect((await askInNameOf(server, "bob", "POST", path, said)).status).toBe(201);
}

async function endpointsOf(server: ParleyProcess, userId: string): Promise<string[]> {
  const { body } = await answerOf(await askAs(server, userId, "/api/notifications/targets"));
  return body.targets.map(({ address }: { address: string }) => address);
}

async function wishesOf(server: ParleyProcess, userId: string) {
  return (await answerOf(await askAs(server, userId, "/api/notifications"))).body.preferences;
}

test("who is away is shown what is said, and a press opens the conversation in the tab", async () => {
  const server = await pushing();
  const alice = await pushedTab(server.url, "alice");
  await alice.switchOn();
  await alice.leave(server.url);
  await say(server, "See you at eight?");
  await alice.deliverNext();
  const first = { title: "bob", body: "See you at eight?", tag: "dm:alice:bob" };
  await expectSoon(() => alice.notices(), [first]);
  await say(server, "Or at nine?");
  await alice.deliverNext();
  const second = { ...first, title: "bob (2 new messages)", body: "Or at nine?" };
  await expectSoon(() => alice.notices(), [second]);
  await alice.signIn(server.url, "alice");
  await alice.tab.openChatWith("carol");
  expect(await alice.notices()).toEqual([second]);
  await alice.press();
  await alice.tab.page.getByRole("main", { name: "Chat with bob" }).waitFor();
  await alice.tab.loaded();
  expect(await alice.tab.bubbles()).toEqual(["See you at eight?", "Or at nine?"]);
});

test("what is looked at is taken back, and what comes twice is shown once", async () => {
  const server = await pushing();
  const alice = await pushedTab(server.url, "alice");
  await alice.switchOn();
  await alice.leave(server.url);
  await say(server, "See you at eight?");
  const text = await alice.deliverNext();
  await expectSoon(async () => (await alice.notices()).length, 1);
  await alice.signIn(server.url, "alice");
  expect(await alice.takenBack()).toEqual([]);
  await alice.tab.row("bob").click();
  await expectSoon(() => alice.takenBack(), ["dm:alice:bob"]);
  await expectSoon(() => alice.notices(), []);
  const tags = async () => (await alice.notices()).map(({ tag }) => tag);
  await alice.deliver(text);
  await alice.deliver(JSON.stringify({ ...JSON.parse(text), key: "k2", conversationId: "g1" }));
  await expectSoon(async () => (await tags()).includes("g1"), true);
  expect(await tags()).toEqual(["g1"]);
  await alice.tab.setVisibility("hidden");
  await alice.deliver(JSON.stringify({ ...JSON.parse(text), key: "k3" }));
  await expectSoon(async () => (await tags()).includes("dm:alice:bob"), true);
  await alice.tab.setVisibility("visible");
  await expectSoon(() => alice.takenBack(), ["dm:alice:bob", "dm:alice:bob"]);
});

test("what cannot be read is shown all the same", async () => {
  const server = await pushing();
  const alice = await pushedTab(server.url, "alice");
  await alice.switchOn();
  await alice.deliver("{");
  const shown = { title: "New message", body: "", tag: "parley" };
  await expectSoon(() => alice.notices(), [shown]);
});

test("without previews a notice tells that there is something, and leads to it", async () => {
  const server = await pushing();
  const alice = await pushedTab(server.url, "alice");
  await alice.switchOn();
  const dialog = await alice.openSettings();
  await dialog.getByRole("switch", { name: "Previews" }).click();
  await dialog.getByRole("switch", { name: "Previews", checked: false }).waitFor();
  await alice.leave(server.url);
  await say(server, "A secret");
  expect(await alice.deliverNext()).not.toContain("secret");
  await expectSoon(
    () => alice.notices(),
    [{ title: "New message", body: "", tag: "dm:alice:bob" }],
  );
  const { page } = alice.tab;
  await page.evaluate(() => sessionStorage.clear());
  await page.goto(server.url);
  await page.getByLabel("Your name").waitFor();
  await alice.press(); // Who has yet to sign in finds it open then.
  await page.waitForURL(`${server.url}/#dm%3Aalice%3Abob`);
  await page.getByLabel("Your name").fill("alice");
  await page.getByRole("button", { name: "Start chatting" }).click();
  await page.getByRole("main", { name: "Chat with bob" }).waitFor();
});

test.each(["browser", "worker"] as const)(
  "a subscription that the %s renews is told of",
  async (by) => {
    const server = await pushing();
    const alice = await pushedTab(server.url, "alice");
    await alice.switchOn();
    const renewed = pushes.subscribe(vapid.publicKey);
    const asked = { userVisibleOnly: true, applicationServerKey: "the server's key" };
    expect(await alice.renewSubscription(by, renewed)).toEqual(by === "worker" ? [asked] : []);
    await expectSoon(() => endpointsOf(server, "alice"), [renewed.endpoint]);
  },
);

test("a browser that another one signs in on tells nobody of their messages", async () => {
  const server = await pushing();
  const alice = await pushedTab(server.url, "alice");
  await alice.switchOn();
  const [former] = await endpointsOf(server, "alice");
  await alice.leave(server.url);
  await say(server, "See you at eight?");
  await alice.deliverNext();
  await expectSoon(async () => (await alice.notices()).length, 1);
  await alice.signIn(server.url, "carol");
  await expectSoon(() => alice.takenBack(), ["dm:alice:bob"]);
  await alice.switchOn(); // It was off.
  await alice.tab.page.reload();
  await alice.tab.online();
  const dialog = await alice.openSettings();
  await dialog.getByRole("switch", { name: "In this browser", checked: true }).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await say(server, "Or at nine?"); // The push service does not know Alice's browser any more.
  await expectSoon(() => endpointsOf(server, "alice"), []);
  expect(await endpointsOf(server, "carol")).not.toContain(former);
  await alice.choose("Sign out");
  await expectSoon(() => endpointsOf(server, "carol"), []);
  expect(pushes.received.length).toBe(1);
});

test("what one wishes to be told is kept, and why it cannot be is shown", async () => {
  const server = await pushing({
    PARLEY_EMAIL_SMTP_URL: "smtp://127.0.0.1:9",
    PARLEY_EMAIL_FROM: "chat@example.com",
    PARLEY_EMAIL_PUBLIC_URL: "https://chat.example",
    PARLEY_EMAIL_UNSUBSCRIBE_SECRET: "s".repeat(32),
  });
  const mail = { channel: "email", address: "alice@example.com" };
  await askInNameOf(server, "alice", "POST", "/api/notifications/targets", mail);
  const alice = await pushedTab(server.url, "alice");
  const timeZone = await alice.tab.page.evaluate(
    () => new Intl.DateTimeFormat().resolvedOptions().timeZone,
  );
  const wishes = () => wishesOf(server, "alice");
  const dialog = await alice.openSettings();
  const turn = (name: string) => dialog.getByRole("switch", { name }).click();
  const [from, to] = [dialog.getByLabel("From"), dialog.getByLabel("To", { exact: true })];
  await turn("By e-mail");
  await expectSoon(async () => (await wishes()).email, false);
  await turn("Quiet hours");
  await expectSoon(async () => (await wishes()).quietHours?.from, "22:00");
  await turn("Quiet hours");
  await expectSoon(async () => (await wishes()).quietHours, null);
  await turn("Quiet hours");
  await from.fill("23:30");
  await from.blur();
  await expectSoon(async () => (await wishes()).quietHours?.from, "23:30");
  await to.fill("23:30");
  await to.press("Enter");
  const alert = dialog.getByRole("alert");
  expect(await alert.textContent()).toBe("They cannot end when they begin.");
  await to.fill("06:15");
  await to.press("Enter");
  await expectSoon(async () => (await wishes()).quietHours, {
    from: "23:30",
    to: "06:15",
    timeZone,
  });
  await dialog.getByLabel("Groups").selectOption("When you are mentioned");
  await expectSoon(async () => (await wishes()).groups, "mentions");
  await alice.signIn(server.url, "alice");
  await alice.openSettings();
  await dialog.getByRole("switch", { name: "By e-mail", checked: false }).waitFor();
  expect(await dialog.getByLabel("Groups").inputValue()).toBe("mentions");
  expect([await from.inputValue(), await to.inputValue()]).toEqual(["23:30", "06:15"]);
  await server.kill();
  await turn("Previews");
  await expectSoon(
    () => alert.allTextContents(),
    ["The server cannot be reached. Try again in a moment."],
  );
  await dialog.getByRole("switch", { name: "Previews", checked: true }).waitFor();
});

test("a browser that the user has forbidden it says so", async () => {
  const server = await pushing();
  const alice = await pushedTab(server.url, "alice", false);
  const dialog = await alice.openSettings();
  await dialog.getByText("The browser does not let this page notify you").waitFor();
  expect(await dialog.getByRole("switch", { name: "In this browser" }).isDisabled()).toBe(true);
});

test("where the server tells nobody, there is nothing to set", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  await alice.page.getByRole("button", { name: "Menu", exact: true }).click();
  await alice.page.getByRole("menuitem", { name: "Sign out" }).waitFor();
  expect(await alice.page.getByRole("menuitem", { name: "Notifications" }).count()).toBe(0);
});
