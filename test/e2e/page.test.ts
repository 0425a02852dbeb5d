import { expect, setDefaultTimeout, test } from "bun:test";
import { SignJWT } from "jose";
import { type ChatTab, expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(120_000);

const pages = chatPages();
const { parley, tabOf } = pages;

/** Alice and Bob, each with the chat with the other open. */
async function aliceAndBob(url: string): Promise<[ChatTab, ChatTab]> {
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await Promise.all([alice.openChatWith("bob"), bob.openChatWith("alice")]);
  return [alice, bob];
}

function numbered(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `message ${from + index}`);
}

test("two people talk", async () => {
  const { url } = await parley();
  const [alice, bob] = await aliceAndBob(url);
  await alice.say("hello Bob");
  await expectSoon(() => bob.bubbles(), ["hello Bob"]);
  await bob.say("hello Alice", "how are you?");
  const talk = ["hello Bob", "hello Alice", "how are you?"];
  await expectSoon(() => alice.bubbles(), talk);
  await alice.say("fine");
  talk.push("fine");
  await expectSoon(() => alice.bubbles(), talk);
  await expectSoon(() => bob.bubbles(), talk);
});

test("a message goes from sending to sent to delivered to read", async () => {
  const { url } = await parley();
  const alice = await pages.blank();
  const held: (() => void)[] = [];
  let holds = false;
  await alice.page.routeWebSocket("**/ws", (socket) => {
    const server = socket.connectToServer();
    server.onMessage((frame) => {
      if (holds) held.push(() => socket.send(frame));
      else socket.send(frame);
    });
  });
  await alice.page.goto(`${url}/?user=alice`);
  await alice.online();
  await alice.openChatWith("bob");
  holds = true;
  await alice.say("are you there?");
  await expectSoon(() => alice.ticks(), ["Sending"]);
  holds = false;
  for (const release of held) release();
  await expectSoon(() => alice.ticks(), ["Sent"]);
  const bob = await tabOf(url, "bob");
  await expectSoon(() => alice.ticks(), ["Delivered"]);
  expect(await bob.row("alice").locator(".unread").textContent()).toBe("1 unread");
  expect(await bob.page.title()).toBe("(1) Parley");
  await bob.row("alice").click();
  await expectSoon(() => alice.ticks(), ["Read"]);
  await expectSoon(() => bob.page.title(), "Parley");
});

test("a hidden tab reads nothing, and its user is away", async () => {
  const { url } = await parley();
  const [alice, bob] = await aliceAndBob(url);
  await bob.setVisibility("hidden");
  await expectSoon(() => alice.presence.textContent(), "away");
  await alice.say("look up");
  await expectSoon(() => alice.ticks(), ["Delivered"]);
  await bob.setVisibility("visible");
  await expectSoon(() => alice.ticks(), ["Read"]);
  await expectSoon(() => alice.presence.textContent(), "online");
});

test("typing is shown while it lasts", async () => {
  const { url } = await parley();
  const [alice, bob] = await aliceAndBob(url);
  await alice.say("hello");
  await expectSoon(() => bob.bubbles(), ["hello"]);
  const typing = alice.page.getByText("bob is typing…");
  await bob.field.pressSequentially("well");
  await typing.waitFor();
  await bob.field.fill("");
  await typing.waitFor({ state: "detached" });
  await bob.field.pressSequentially("well");
  await typing.waitFor();
  await bob.field.press("Enter");
  await typing.waitFor({ state: "detached" });
  await expectSoon(() => alice.bubbles(), ["hello", "well"]);
});

test("who closes the page goes offline, and was last seen then", async () => {
  const { url } = await parley({ flags: ["--presence-grace-ms", "200"] });
  const [alice, bob] = await aliceAndBob(url);
  await expectSoon(() => alice.presence.textContent(), "online");
  await bob.page.close();
  await alice.page.getByText(/^last seen today at /).waitFor();
  await tabOf(url, "bob");
  await expectSoon(() => alice.presence.textContent(), "online");
});

test("a reload brings back the chat, its history and its ticks", async () => {
  const { url } = await parley({ env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });
  const [alice, bob] = await aliceAndBob(url);
  await alice.say(...numbered(70));
  await expectSoon(() => bob.bubbles(), numbered(70));
  await expectSoon(async () => (await alice.ticks()).at(-1), "Read");
  await alice.page.reload();
  await expectSoon(() => alice.bubbles(), numbered(50, 21));
  expect(new Set(await alice.ticks())).toEqual(new Set(["Read"]));
  const scroller = alice.page.locator(".scroller");
  await expectSoon(async () => {
    await scroller.evaluate((element) => element.scrollTo(0, 0));
    return alice.bubbles();
  }, numbered(70));
});

test("the newest message stays in sight unless the reader has scrolled up", async () => {
  const { url } = await parley();
  const [alice, bob] = await aliceAndBob(url);
  await alice.say(...numbered(40));
  const isAtEnd = () =>
    bob.page
      .locator(".scroller")
      .evaluate(
        ({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2,
      );
  await expectSoon(() => bob.bubbles(), numbered(40));
  await expectSoon(isAtEnd, true);
  await bob.page.locator(".scroller").evaluate((element) => element.scrollTo(0, 300));
  const toEnd = bob.page.getByRole("button", { name: "Go to the newest message" });
  await toEnd.waitFor();
  await alice.say("message 41");
  await expectSoon(() => bob.bubbles(), numbered(41));
  expect(await bob.page.locator(".scroller").evaluate((element) => element.scrollTop)).toBe(300);
  await toEnd.click();
  await expectSoon(isAtEnd, true);
});

test("a server killed under a conversation loses nothing, doubles nothing and keeps the order", async () => {
  using folder = new TemporaryFolder();
  let server = await parley({ dataDir: folder.path });
  const flags = ["--port", String(server.port)];
  const [alice, bob] = await aliceAndBob(server.url);
  const texts = numbered(60);
  for (const [index, text] of texts.entries()) {
    await alice.say(text);
    if (index % 20 !== 9) continue;
    await server.kill();
    await alice.say(`written offline ${index}`);
    server = await parley({ dataDir: folder.path, flags });
  }
  const expected = texts.flatMap((text, index) =>
    index % 20 === 9 ? [text, `written offline ${index}`] : [text],
  );
  await expectSoon(
    () => alice.ticks(),
    expected.map(() => "Read"),
  );
  await expectSoon(() => bob.bubbles(), expected);
  expect(await alice.bubbles()).toEqual(expected);
  expect(await alice.outbox()).toEqual([]);
  await Promise.all([alice.page.reload(), bob.page.reload()]);
  await expectSoon(() => alice.bubbles(), expected.slice(-50));
  await expectSoon(() => bob.bubbles(), expected.slice(-50));
});

test("pages come back by themselves to a server that was stopped and started", async () => {
  using folder = new TemporaryFolder();
  const first = await parley({
    dataDir: folder.path,
    flags: ["--shutdown-reconnect-spread-ms=300"],
  });
  const [alice, bob] = await aliceAndBob(first.url);
  await alice.say("before");
  await expectSoon(() => bob.bubbles(), ["before"]);
  expect(await first.stop()).toBe(0);
  await Promise.all(
    [alice, bob].map(({ page }) => page.getByText("Offline, trying again…").waitFor()),
  );
  await parley({ dataDir: folder.path, flags: ["--port", String(first.port)] });
  await alice.online();
  await alice.say("after");
  await expectSoon(() => bob.bubbles(), ["before", "after"]);
  await expectSoon(() => alice.ticks(), ["Read", "Read"]);
});

test("what was written while the server was away is sent after a reload of the page too", async () => {
  using folder = new TemporaryFolder();
  const first = await parley({ dataDir: folder.path });
  const alice = await tabOf(first.url, "alice");
  await alice.openChatWith("bob");
  await first.kill();
  await alice.page.getByText("Offline, trying again…").waitFor();
  await alice.say("one", "two");
  await expectSoon(async () => (await alice.outbox()).length, 2);
  await alice.page.close();
  const second = await parley({ dataDir: folder.path, flags: ["--port", String(first.port)] });
  const again = await tabOf(second.url, "alice", alice);
  await again.openChatWith("bob");
  await expectSoon(() => again.bubbles(), ["one", "two"]);
  await expectSoon(() => again.ticks(), ["Sent", "Sent"]);
  expect(await again.outbox()).toEqual([]);
});

test("two tabs of one user show the same", async () => {
  const { url } = await parley();
  const [alice, bob] = await aliceAndBob(url);
  const second = await tabOf(url, "alice", alice);
  await alice.say("from the first tab");
  await expectSoon(() => bob.bubbles(), ["from the first tab"]);
  await second.row("bob").click();
  await second.say("from the second tab");
  await bob.say("I see both");
  const talk = ["from the first tab", "from the second tab", "I see both"];
  await expectSoon(() => alice.bubbles(), talk);
  await expectSoon(() => second.bubbles(), talk);
  await expectSoon(() => alice.ticks(), ["Read", "Read"]);
  await expectSoon(() => second.ticks(), ["Read", "Read"]);
  await alice.page.close();
  await expectSoon(() => bob.presence.textContent(), "online");
});

test("two tabs of one browser can be two people", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  const bob = await tabOf(url, "bob", alice);
  await alice.page.reload();
  await alice.online();
  await alice.openChatWith("bob");
  await alice.say("hello");
  await bob.row("alice").click();
  await expectSoon(() => bob.bubbles(), ["hello"]);
});

test("a message is shown as it was written, never as HTML", async () => {
  const { url } = await parley();
  const [alice, bob] = await aliceAndBob(url);
  const text = '<img src=x onerror="document.title=1"> <b>bold</b>\nsecond line';
  await alice.field.fill(text);
  await alice.field.press("Enter");
  await expectSoon(() => bob.bubbles(), [text]);
  expect(await bob.page.locator(".bubble b, .bubble img").count()).toBe(0);
});

test("a message that the server refuses can be tried again or deleted", async () => {
  const { url } = await parley({ flags: ["--limits-frame-bytes", "4096"] });
  const [alice, bob] = await aliceAndBob(url);
  await alice.say("x".repeat(5_000), "short");
  await expectSoon(() => alice.ticks(), ["Read", "Not sent"]);
  expect(await bob.bubbles()).toEqual(["short"]);
  await alice.page.getByRole("button", { name: "Try again" }).click();
  await expectSoon(() => alice.ticks(), ["Read", "Not sent"]);
  await alice.page.getByRole("button", { name: "Delete" }).click();
  await expectSoon(() => alice.bubbles(), ["short"]);
  expect(await alice.outbox()).toEqual([]);
});

test("a server that wants tokens says so, and takes one", async () => {
  const secret = "a secret of at least thirty-two bytes";
  const { url } = await parley({ env: { PARLEY_JWT_SECRET: secret } });
  const tab = await pages.blank();
  await tab.page.goto(`${url}/?user=alice`);
  await tab.page.getByRole("alert").getByText("such as an access token").waitFor();
  await tab.page.getByLabel("Access token").waitFor();
  const token = await new SignJWT({ name: "Alice Liddell" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("alice")
    .sign(new TextEncoder().encode(secret));
  await tab.page.goto(`${url}/?token=${token}`);
  await tab.online();
  await tab.page.getByText("Signed in as Alice Liddell").waitFor();
  expect(tab.page.url()).toBe(`${url}/`);
  await tab.page.getByRole("button", { name: "Menu", exact: true }).click();
  await tab.page.getByRole("menuitem", { name: "Sign out" }).click();
  await tab.page.getByLabel("Your name").waitFor();
});

test("the keyboard is enough", async () => {
  const { url } = await parley();
  const tab = await pages.blank();
  await tab.page.goto(url);
  await tab.page.getByLabel("Your name").focus();
  await tab.page.keyboard.type("two words");
  await tab.page.keyboard.press("Enter");
  await tab.page.getByRole("alert").waitFor();
  await tab.page.getByLabel("Your name").fill("alice");
  await tab.page.keyboard.press("Enter");
  await tab.online();
  await tab.page.getByLabel("Start a chat with").focus();
  await tab.page.keyboard.type("bob");
  await tab.page.keyboard.press("Enter");
  await tab.loaded();
  await tab.page.keyboard.type("first line");
  await tab.page.keyboard.press("Shift+Enter");
  await tab.page.keyboard.type("second line");
  await tab.page.keyboard.press("Enter");
  await expectSoon(() => tab.bubbles(), ["first line\nsecond line"]);
});
