import { expect, setDefaultTimeout, test } from "bun:test";
import { type ChatTab, expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";

setDefaultTimeout(120_000);

const { parley, tabOf } = chatPages();

const UNLIMITED = { env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } };

/** The index follows the messages, so what was just said may be found a moment later. */
async function searchUntilFound(tab: ChatTab, label: string, text: string, count: number) {
  const field = tab.page.getByRole("textbox", { name: label });
  await expectSoon(async () => {
    await field.fill("");
    await field.fill(text);
    await field.press("Enter");
    await tab.page
      .getByRole("search")
      .filter({ has: field })
      .getByRole("status")
      .filter({ hasNotText: "Searching" })
      .waitFor({ state: "attached" });
    return tab.found().count();
  }, count);
}

test("a search finds messages of all conversations, and leads to where they were said", async () => {
  const { url } = await parley(UNLIMITED);
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await bob.makeGroup("Gardeners", "alice");
  await bob.say("the <b>tulips</b> are out", ...numbered(60));
  await expectSoon(async () => (await bob.ticks()).at(-1), "Delivered");
  await alice.openChatWith("carol");
  await alice.say("have you seen my tulips?");
  await expectSoon(() => alice.ticks(), ["Sent"]);
  await searchUntilFound(alice, "Search messages", "tulip", 2);
  expect(await alice.found().locator(".row-title").allTextContents()).toEqual([
    ...["carol", "Gardeners"],
  ]);
  expect(await alice.found().locator(".found-text").allTextContents()).toEqual([
    ...["You: have you seen my tulips?", "bob: the <b>tulips</b> are out"],
  ]);
  expect(await alice.found().locator("mark").allTextContents()).toEqual(["tulips", "tulips"]);
  await alice.page.keyboard.press("ArrowDown");
  await alice.page.keyboard.press("ArrowDown");
  await alice.page.keyboard.press("Enter");
  await alice.page.getByRole("main", { name: "Chat with Gardeners" }).waitFor();
  await alice.page.locator(".message.is-target", { hasText: "tulips" }).waitFor();
  await expectSoon(() => alice.isInSight("the <b>tulips</b> are out"), true);
  await alice.page.getByLabel("Search messages").press("Escape");
  expect(await alice.page.getByLabel("Search messages").inputValue()).toBe("");
  await alice.row("Gardeners").waitFor();
});

test("a search in a conversation finds nothing of others, and Escape closes it", async () => {
  const { url } = await parley(UNLIMITED);
  const alice = await tabOf(url, "alice");
  for (const peer of ["bob", "carol"]) {
    await alice.openChatWith(peer);
    await alice.say(`a pear for ${peer}`, ...numbered(20));
    await expectSoon(async () => new Set(await alice.ticks()), new Set(["Sent"]));
  }
  const opener = alice.page.getByRole("button", { name: "Search this chat" });
  await opener.click();
  await searchUntilFound(alice, "Search this chat", "pear", 1);
  expect(await alice.found().locator(".row-title").textContent()).toBe("You");
  await alice.found().click();
  await alice.page.locator(".message.is-target", { hasText: "a pear for carol" }).waitFor();
  expect(await alice.page.getByRole("textbox", { name: "Search this chat" }).count()).toBe(0);
  await opener.click();
  await alice.row("bob").click();
  expect(await alice.page.getByRole("textbox", { name: "Search this chat" }).count()).toBe(0);
  await opener.click();
  await alice.page.keyboard.type("no such word");
  await alice.page.getByText("Nothing found.").waitFor();
  await alice.page.keyboard.press("Escape");
  expect(await alice.page.getByRole("textbox", { name: "Search this chat" }).count()).toBe(0);
  expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
});

test("what is found comes in pages, and in a conversation that the list has not come to", async () => {
  const { url } = await parley(UNLIMITED);
  const alice = await tabOf(url, "alice");
  await alice.openChatWith("the-first");
  await alice.say(...Array.from({ length: 25 }, (_, index) => `plum ${index + 1}`));
  await expectSoon(async () => new Set(await alice.ticks()), new Set(["Sent"]));
  await alice.talkTo(Array.from({ length: 55 }, (_, index) => `peer-${index}`));
  await alice.page.goto(`${url}/?user=alice`);
  await alice.online();
  expect(await alice.row("the-first").count()).toBe(0);
  await searchUntilFound(alice, "Search messages", "plum", 20);
  await alice.page.getByRole("button", { name: "Search on" }).click();
  await expectSoon(() => alice.found().count(), 25);
  await alice.found().last().click();
  await alice.page.getByRole("main", { name: "Chat with the-first" }).waitFor();
  await alice.page.locator(".message.is-target", { hasText: "plum 1" }).waitFor();
});

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `message ${index + 1}`);
}
