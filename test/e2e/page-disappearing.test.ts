import { expect, setDefaultTimeout, test } from "bun:test";
import { expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";

setDefaultTimeout(120_000);

const { parley, tabOf } = chatPages();

async function keepFor(url: string, conversationId: string, disappearAfterSeconds: number) {
  const answer = await fetch(`${url}/api/conversations/${conversationId}`, {
    method: "PATCH",
    headers: { "X-User-Id": "alice", "Content-Type": "application/json" },
    body: JSON.stringify({ disappearAfterSeconds }),
  });
  expect(answer.status).toBe(200);
}

test("either of two says how long their messages stay, and both are told", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await Promise.all([alice.openChatWith("bob"), bob.openChatWith("alice")]);
  await alice.say("for good");
  await expectSoon(() => bob.bubbles(), ["for good"]);
  await bob.page.getByTitle("Chat info").click();
  const field = bob.page.getByLabel("Messages disappear");
  expect(await field.locator("option").allTextContents()).toEqual([
    ...["Off", "After 1 hour", "After 24 hours", "After 7 days", "After 90 days"],
  ]);
  await field.selectOption("After 7 days");
  const sentence = "bob made messages disappear after 7 days";
  await expectSoon(() => alice.events(), [sentence]);
  await expectSoon(() => bob.events(), [sentence]);
  await bob.page.keyboard.press("Escape");
  await bob.say("for a week");
  await alice.say("so is mine");
  for (const { page } of [alice, bob]) {
    const marked = page.locator(".message", { has: page.getByLabel("Disappears") });
    await expectSoon(
      () => marked.locator(".content").allTextContents(),
      ["for a week", "so is mine"],
    );
  }
  await alice.page.getByTitle("Chat info").click();
  await alice.page.getByLabel("Messages disappear").selectOption("Off");
  await expectSoon(() => bob.events(), [sentence, "alice made messages stay"]);
});

test("in a group its members are told, and who looks after it decides", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("Gardeners", "bob");
  await bob.row("Gardeners").click();
  const info = await alice.openInfo();
  await info.getByLabel("Messages disappear").selectOption("After 24 hours");
  const bobs = await bob.openInfo();
  await bobs.getByText("Messages disappear after 24 hours.").waitFor();
  expect(await bobs.getByLabel("Messages disappear").count()).toBe(0);
});

test("a message is taken away when its time is over, at who wrote it too", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await Promise.all([alice.openChatWith("bob"), bob.openChatWith("alice")]);
  await alice.say("stays");
  await expectSoon(() => bob.bubbles(), ["stays"]);
  await keepFor(url, "dm:alice:bob", 8);
  await expectSoon(() => alice.events(), ["alice made messages disappear after 8 seconds"]);
  await alice.say("goes");
  await expectSoon(() => bob.bubbles(), ["stays", "goes"]);
  await bob.choose("goes", "Reply");
  await bob.page.getByText("Reply to alice").waitFor();
  for (const tab of [alice, bob]) await expectSoon(() => tab.bubbles(), ["stays"]);
  await bob.page.getByText("Reply to alice").waitFor({ state: "detached" });
  await bob.page.reload();
  await expectSoon(() => bob.bubbles(), ["stays"]);
});
