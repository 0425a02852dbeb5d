import { expect, setDefaultTimeout, test } from "bun:test";
import { type ChatTab, expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";

setDefaultTimeout(120_000);

const { parley, tabOf } = chatPages();

/** Both with their chat open, in which alice has said these. */
async function talk(...texts: readonly string[]): Promise<[ChatTab, ChatTab]> {
  const { url } = await parley({ env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await Promise.all([alice.openChatWith("bob"), bob.openChatWith("alice")]);
  await alice.say(...texts);
  await expectSoon(() => bob.bubbles(), [...texts]);
  await expectSoon(async () => new Set(await alice.ticks()), new Set(["Read"]));
  return [alice, bob];
}

test("one's own message is edited, and what it said before is kept", async () => {
  const [alice, bob] = await talk("see you at 8", "or later");
  await alice.choose("see you at 8", "Edit");
  const field = alice.page.getByLabel("New text of the message");
  expect(await field.inputValue()).toBe("see you at 8");
  await field.fill("see you at 9");
  await field.press("Enter");
  await expectSoon(() => bob.bubbles(), ["see you at 9", "or later"]);
  await expectSoon(() => alice.bubbles(), ["see you at 9", "or later"]);
  await bob.page.getByRole("button", { name: "edited" }).click();
  const versions = bob.page.getByRole("dialog", { name: "Edits of this message" });
  await expectSoon(
    () => versions.locator(".content").allTextContents(),
    ["see you at 8", "see you at 9"],
  );
  await bob.page.keyboard.press("Escape");
  await versions.waitFor({ state: "detached" });
  // Others' messages are not one's own to edit.
  const menu = await bob.openMenu("or later");
  expect(await menu.getByRole("menuitem").allTextContents()).toEqual(["Reply", "Copy text", "Pin"]);
});

test("a message is deleted for everyone, once that is confirmed", async () => {
  const [alice, bob] = await talk("a secret", "hello");
  await alice.choose("a secret", "Delete for everyone");
  await alice.page.getByRole("button", { name: "Cancel" }).click();
  await alice.choose("a secret", "Delete for everyone");
  await alice.page.getByRole("button", { name: "Delete", exact: true }).click();
  const left = ["This message was deleted", "hello"];
  await expectSoon(() => bob.bubbles(), left);
  await expectSoon(() => alice.bubbles(), left);
  await bob.page.reload();
  await expectSoon(() => bob.bubbles(), left);
});

test("reactions are given, changed and taken back", async () => {
  const [alice, bob] = await talk("dinner?");
  await bob.choose("dinner?", "React with 👍");
  await expectSoon(() => alice.reactions(), ["👍 by bob"]);
  await alice.page.getByRole("button", { name: "👍 by bob" }).click();
  await expectSoon(() => bob.reactions(), ["👍 by You, alice"]);
  await bob.choose("dinner?", "React with another emoji");
  await bob.page.getByLabel("Another emoji").fill("🍲");
  await bob.page.getByLabel("Another emoji").press("Enter");
  await expectSoon(() => alice.reactions(), ["👍 by You", "🍲 by bob"]);
  await bob.choose("dinner?", "React with ❤️");
  await expectSoon(() => alice.reactions(), ["👍 by You", "❤️ by bob"]);
  await bob.choose("dinner?", "Take ❤️ back");
  await expectSoon(() => alice.reactions(), ["👍 by You"]);
});

test("an answer shows what it answers, and leads there", async () => {
  const others = Array.from({ length: 40 }, (_, index) => `filler ${index}`);
  const [alice, bob] = await talk("who comes along?", ...others);
  await bob.choose("who comes along?", "Reply");
  await bob.page.getByText("Reply to alice").waitFor();
  await bob.say("I do");
  await expectSoon(async () => (await alice.bubbles()).at(-1), "I do");
  const quote = alice.page.locator(".bubble .quote");
  await expectSoon(() => quote.locator(".quote-text").textContent(), "who comes along?");
  await quote.click();
  await alice.page.locator(".message.is-target", { hasText: "who comes along?" }).waitFor();
  expect(await alice.isInSight("who comes along?")).toBe(true);
  // Escape makes it a message of its own again.
  await alice.choose("filler 3", "Reply");
  await alice.field.press("Escape");
  await alice.say("and no answer");
  await expectSoon(async () => (await bob.bubbles()).at(-1), "and no answer");
  expect(await bob.page.locator(".bubble .quote").count()).toBe(1);
});

test("a pinned message stands above the chat, and leads back however far that is", async () => {
  const others = Array.from({ length: 120 }, (_, index) => `filler ${index}`);
  const [alice, bob] = await talk("the address is Lake Road 3", ...others);
  await alice.choose("the address is", "Pin");
  const bar = bob.page.getByRole("region", { name: "Pinned messages" });
  await bar.getByText("the address is Lake Road 3").waitFor();
  await bob.page.reload();
  // Of the last 50 one is the event.
  await expectSoon(async () => (await bob.bubbles()).length, 49);
  await bar.getByText("the address is Lake Road 3").click();
  await bob.page.locator(".message.is-target", { hasText: "the address is" }).waitFor();
  expect(await bob.isInSight("the address is Lake Road 3")).toBe(true);
  expect(await bob.bubbles()).toHaveLength(121);
  await bar.getByRole("button", { name: "Show pinned messages" }).click();
  await bob.page.getByRole("dialog").getByRole("button", { name: "Unpin" }).click();
  await alice.page.getByRole("region", { name: "Pinned messages" }).waitFor({ state: "detached" });
});

test("the keyboard gets to each message and all that can be done with it", async () => {
  const [alice, bob] = await talk("first", "second", "third");
  await alice.page.locator(".scroller").focus();
  const { keyboard } = alice.page;
  await keyboard.press("Tab");
  await keyboard.press("ArrowUp");
  const focused = () =>
    alice.page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  expect(await focused()).toBe("Message options: second");
  await keyboard.press("Enter");
  await alice.page.getByRole("menu", { name: "Message options" }).waitFor();
  await keyboard.press("Escape");
  expect(await focused()).toBe("Message options: second");
  await keyboard.press("Home");
  expect(await focused()).toBe("Message options: first");
  await keyboard.press("Enter");
  await keyboard.press("End");
  await keyboard.press("ArrowUp");
  expect(await alice.page.evaluate(() => document.activeElement?.textContent)).toBe("Edit");
  await keyboard.press("Enter");
  await keyboard.type(" and foremost");
  await keyboard.press("Enter");
  await expectSoon(() => bob.bubbles(), ["first and foremost", "second", "third"]);
  // The arrow up in the empty field edits the last one of one's own.
  await alice.field.focus();
  await keyboard.press("ArrowUp");
  await keyboard.type("!");
  await keyboard.press("Enter");
  await expectSoon(() => bob.bubbles(), ["first and foremost", "second", "third!"]);
});

test("a finger held on a message opens what can be done with it", async () => {
  const [alice, bob] = await talk("hold me");
  const touch = await alice.page.context().newCDPSession(alice.page);
  const at = await alice.page.locator(".bubble").boundingBox();
  const point = { x: (at?.x ?? 0) + 10, y: (at?.y ?? 0) + 10 };
  await touch.send("Emulation.setTouchEmulationEnabled", { enabled: true });
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [point] });
  const menu = alice.page.getByRole("menu", { name: "Message options" });
  await menu.waitFor();
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await menu.getByRole("menuitemcheckbox", { name: "React with 👍" }).click();
  await expectSoon(() => bob.reactions(), ["👍 by alice"]);
});

test("a message's text is copied, and an emoji put where the caret is", async () => {
  const [alice] = await talk("copy me");
  await alice.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await alice.choose("copy me", "Copy text");
  await alice.page.getByText("Copied").waitFor();
  expect(await alice.page.evaluate(() => navigator.clipboard.readText())).toBe("copy me");
  await alice.field.fill("ab");
  await alice.field.press("ArrowLeft");
  await alice.page.getByRole("button", { name: "Emoji", exact: true }).click();
  await alice.page.getByRole("button", { name: "🎉" }).click();
  await alice.page.keyboard.type("!");
  expect(await alice.field.inputValue()).toBe("a🎉!b");
});

test("links can be followed safely, and text cannot turn itself around", async () => {
  const text = "see https://example.com/a, not javascript:alert(1) or \u202egpj.exe\u202c";
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await Promise.all([alice.openChatWith("bob"), bob.openChatWith("alice")]);
  await alice.say(text);
  const shown = ["see https://example.com/a, not javascript:alert(1) or gpj.exe"];
  await expectSoon(() => bob.bubbles(), shown);
  expect(await alice.bubbles()).toEqual(shown);
  const links = await bob.page
    .locator(".bubble a")
    .evaluateAll((found) =>
      found.map((link) => ["href", "target", "rel"].map((name) => link.getAttribute(name))),
    );
  expect(links).toEqual([["https://example.com/a", "_blank", "noopener noreferrer nofollow"]]);
});

test("a chat that has no message yet is opened without asking for what is not there", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  const asked: string[] = [];
  alice.page.on("request", (request) => asked.push(request.url()));
  await alice.openChatWith("bob");
  await alice.page.reload();
  await alice.online();
  await alice.loaded();
  expect(asked.filter((address) => address.includes("/messages"))).toEqual([]);
  await alice.say("the first one");
  await expectSoon(() => alice.ticks(), ["Sent"]);
  await alice.page.reload();
  await expectSoon(() => alice.bubbles(), ["the first one"]);
});
