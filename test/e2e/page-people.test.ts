import { expect, setDefaultTimeout, test } from "bun:test";
import { expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";

setDefaultTimeout(120_000);

const { parley, tabOf } = chatPages();

test("a member is mentioned by the keys, and sees it in the list and in the message", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("Gardeners", "bob", "barbara", "carol");
  await alice.field.pressSequentially("hey @b");
  const offered = alice.page.getByRole("listbox", { name: "Members to mention" });
  expect(await offered.getByRole("option").allTextContents()).toEqual(["Bbarbara", "Bbob"]);
  await alice.field.press("ArrowDown");
  await alice.field.press("Enter");
  expect(await alice.field.inputValue()).toBe("hey @bob ");
  await alice.field.pressSequentially("look at dave@bob");
  expect(await offered.count()).toBe(0);
  await alice.field.press("Enter");
  await bob.row("Gardeners").getByLabel("You are mentioned").waitFor();
  await bob.page.reload();
  await bob.online();
  await bob.row("Gardeners").getByLabel("You are mentioned").waitFor();
  await bob.row("Gardeners").click();
  await expectSoon(() => bob.page.locator(".bubble .mention").allTextContents(), ["@bob"]);
  expect(await bob.bubbles()).toEqual(["hey @bob look at dave@bob"]);
  await bob.row("Gardeners").getByLabel("You are mentioned").waitFor({ state: "detached" });
});

test("a member is mentioned by the mouse, or the name is put away by Escape", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  await alice.makeGroup("Gardeners", "bob", "carol");
  const options = alice.page.getByRole("option");
  await alice.field.pressSequentially("(@");
  await expectSoon(() => options.count(), 2);
  await alice.field.press("Escape");
  expect(await options.count()).toBe(0);
  expect(await alice.field.inputValue()).toBe("(@");
  await alice.field.fill("");
  await alice.field.pressSequentially("@ca");
  await options.waitFor();
  await alice.page.getByLabel("Search messages").focus();
  await options.waitFor({ state: "detached" });
  await alice.field.focus();
  await options.click();
  await alice.page.keyboard.type("welcome");
  await alice.page.keyboard.press("Enter");
  await expectSoon(() => alice.bubbles(), ["@carol welcome"]);
  const mentioned = () => alice.page.locator(".bubble .mention").allTextContents();
  expect(await mentioned()).toEqual(["@carol"]);
  await alice.choose("@carol welcome", "Edit");
  const edited = alice.page.getByLabel("New text of the message");
  await edited.fill("welcome @bob");
  await edited.press("Escape"); // Puts the offer away, and then it is saved.
  await edited.press("Enter");
  await expectSoon(mentioned, ["@bob"]);
  await alice.choose("welcome @bob", "Edit");
  await edited.waitFor();
  expect(await options.count()).toBe(0);
  await edited.press("Escape");
  await edited.waitFor({ state: "detached" });
  await alice.page.reload();
  await alice.row("Gardeners").click();
  await expectSoon(mentioned, ["@bob"]);
});

test("in a direct conversation nobody is offered", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  await alice.openChatWith("bob");
  await alice.say("hello");
  await alice.field.pressSequentially("@b");
  expect(await alice.page.getByRole("option").count()).toBe(0);
});

test("a new name and picture are seen by others at once, and after a reload", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  for (const { page } of [alice, bob]) {
    await page.route("**/me.svg", (route) =>
      route.fulfill({
        contentType: "image/svg+xml",
        body: "<svg xmlns='http://www.w3.org/2000/svg'/>",
      }),
    );
  }
  await alice.openChatWith("bob");
  await alice.say("hello");
  await bob.row("alice").waitFor();
  await alice.page.getByRole("button", { name: "Menu", exact: true }).click();
  await alice.page.getByRole("menuitem", { name: "Your profile" }).click();
  const dialog = alice.page.getByRole("dialog", { name: "Your profile" });
  await dialog.getByLabel("Name").fill("Alice Liddell");
  await dialog.getByLabel("Picture").fill(`${url}/me.svg`);
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("heading", { name: "Alice Liddell" }).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await alice.page.getByText("Signed in as Alice Liddell").waitFor();
  const seen = async () => [
    await bob.row("Alice Liddell").locator(".row-title").textContent(),
    await bob.row("Alice Liddell").locator("img").getAttribute("src"),
  ];
  await expectSoon(seen, ["Alice Liddell", `${url}/me.svg`]);
  await bob.page.reload();
  await bob.online();
  await expectSoon(seen, ["Alice Liddell", `${url}/me.svg`]);
  // The message keeps the name that it was sent under; whose it is, is shown by what they are called now.
  await bob.row("Alice Liddell").click();
  await bob.page.getByRole("main", { name: "Chat with Alice Liddell" }).waitFor();
  await bob.loaded();
  expect(await bob.row("Alice Liddell").count()).toBe(1);
});
