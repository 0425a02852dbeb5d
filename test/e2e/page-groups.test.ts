import { expect, setDefaultTimeout, test } from "bun:test";
import { expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";

setDefaultTimeout(120_000);

const { parley, tabOf } = chatPages();

test("a group made in one tab is there in the other's, and both talk in it", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("The team", "bob", "carol");
  await bob.row("The team").click();
  await alice.say("welcome");
  await expectSoon(() => bob.bubbles(), ["welcome"]);
  await bob.say("thanks");
  await expectSoon(() => alice.bubbles(), ["welcome", "thanks"]);
  await expectSoon(() => bob.events(), ["alice created The team"]);
  await expectSoon(() => bob.presence.textContent(), "3 members");
});

test("what events there were in a group is not counted as unread", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("The team", "bob");
  await alice.say("one");
  await bob.row("The team").locator(".unread").waitFor();
  const info = await alice.openInfo();
  for (const name of ["carol", "dave", "erin"]) {
    await info.getByLabel("Add a member").fill(name);
    await info.getByLabel("Add a member").press("Enter");
    await info.locator(".member-name", { hasText: name }).waitFor();
  }
  await bob.page.reload();
  await bob.online();
  const unread = bob.row("The team").locator(".unread");
  await expectSoon(() => unread.textContent(), "1 unread");
});

test("the owner changes the group, its roles and its members", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("The team", "bob", "carol");
  await bob.row("The team").click();
  const info = await alice.openInfo();
  await info.getByLabel("Group name").fill("The crew");
  await info.getByLabel("Picture").fill(`${url}/picture.png`);
  // The page is asked for it as soon as it is named.
  await alice.page.route("**/picture.png", (route) =>
    route.fulfill({
      contentType: "image/svg+xml",
      body: "<svg xmlns='http://www.w3.org/2000/svg'/>",
    }),
  );
  await bob.page.route("**/picture.png", (route) =>
    route.fulfill({
      contentType: "image/svg+xml",
      body: "<svg xmlns='http://www.w3.org/2000/svg'/>",
    }),
  );
  await info.getByRole("button", { name: "Save" }).click();
  await bob.page.getByRole("main", { name: "Chat with The crew" }).waitFor();
  await bob.page.locator(".conversation > header .avatar img").waitFor({ state: "attached" });

  const memberOf = (name: string) => info.locator(".members li", { hasText: name });
  await info.getByRole("button", { name: "Options for bob" }).click();
  await alice.page.getByRole("menuitem", { name: "Make an admin" }).click();
  await expectSoon(() => memberOf("bob").locator(".role").allTextContents(), ["admin"]);
  await info.getByRole("button", { name: "Options for carol" }).click();
  await alice.page.getByRole("menuitem", { name: "Remove from the group" }).click();
  await expectSoon(() => memberOf("carol").count(), 0);

  // An admin may add, and not touch the owner.
  const ofBob = await bob.openInfo();
  await ofBob.getByLabel("Add a member").fill("dave");
  await ofBob.getByLabel("Add a member").press("Enter");
  await expectSoon(() => memberOf("dave").count(), 1);
  await ofBob.getByRole("button", { name: "Options for alice" }).click();
  expect(await bob.page.getByRole("menuitem").allTextContents()).toEqual(["Write to them"]);
  await bob.page.keyboard.press("Escape");
  await ofBob.waitFor();
  await expectSoon(
    () => alice.events(),
    [
      ...["alice created The team", "alice named it The crew", "alice made bob an admin"],
      ...["alice removed carol", "bob added dave"],
    ],
  );
});

test("a server that tells nothing of changes is asked what became of one's own", async () => {
  const { url } = await parley({ flags: ["--chat-system-messages=false"] });
  const alice = await tabOf(url, "alice");
  await alice.makeGroup("The team", "bob");
  const info = await alice.openInfo();
  await info.getByLabel("Group name").fill("The crew");
  await info.getByRole("button", { name: "Save" }).click();
  await alice.page.getByRole("main", { name: "Chat with The crew" }).waitFor();
  await info.getByRole("button", { name: "Options for bob" }).click();
  await alice.page.getByRole("menuitem", { name: "Make the owner" }).click();
  await info.locator(".members li", { hasText: "bob" }).getByText("owner").waitFor();
  await info.locator(".members li", { hasText: "alice" }).getByText("admin").waitFor();
  expect(await alice.events()).toEqual([]);
});

test("what the server refuses is said where it was asked for", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  await alice.makeGroup("The team");
  const info = await alice.openInfo();
  await info.getByLabel("Add a member").fill("two words");
  await info.getByLabel("Add a member").press("Enter");
  await info.getByRole("alert").waitFor();
  await info.getByLabel("Picture").fill("https://elsewhere.example/p.png");
  await info.getByRole("button", { name: "Save" }).click();
  await info.getByRole("button", { name: "Save", disabled: true }).waitFor();
  // Pictures of other sites are not asked for: their console errors would fail the test.
  expect(await info.locator(".avatar img").count()).toBe(0);
});

test("who is removed reads on what they saw, and writes no more", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("The team", "bob");
  await bob.row("The team").click();
  await alice.say("before");
  await expectSoon(() => bob.bubbles(), ["before"]);
  const info = await alice.openInfo();
  await info.getByRole("button", { name: "Options for bob" }).click();
  await alice.page.getByRole("menuitem", { name: "Remove from the group" }).click();
  await bob.page.getByText("You are no longer a member of this group.").waitFor();
  await alice.page.keyboard.press("Escape");
  await alice.say("after");
  await expectSoon(() => alice.bubbles(), ["before", "after"]);
  expect(await bob.bubbles()).toEqual(["before"]);
});

test("a member leaves, and comes back over a link, which is revoked then", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await alice.makeGroup("The team", "bob");
  await bob.row("The team").click();
  const ofBob = await bob.openInfo();
  await ofBob.getByRole("button", { name: "Leave group" }).click();
  await bob.page.getByRole("button", { name: "Leave", exact: true }).click();
  await bob.page.getByText("You are no longer a member of this group.").waitFor();

  const info = await alice.openInfo();
  await info.getByRole("button", { name: "New link" }).click();
  const link = await info.getByRole("textbox", { name: "Invite link" }).inputValue();
  expect(link).toStartWith(`${url}/#join=`);
  await bob.page.goto(`${url}/`);
  await bob.page.goto(link);
  await bob.page.getByText("You are invited to The team").waitFor();
  await bob.page.getByRole("button", { name: "Join", exact: true }).click();
  await bob.page.getByRole("main", { name: "Chat with The team" }).waitFor();
  expect(bob.page.url()).not.toContain("join=");
  await bob.say("here I am again");
  await expectSoon(() => alice.bubbles(), ["here I am again"]);

  await info.getByRole("button", { name: "Revoke" }).click();
  await info.getByRole("textbox", { name: "Invite link" }).waitFor({ state: "detached" });
});

test("a link waits for who has to sign in first", async () => {
  const { url } = await parley();
  const alice = await tabOf(url, "alice");
  await alice.makeGroup("The team");
  const info = await alice.openInfo();
  await info.getByRole("button", { name: "New link" }).click();
  const link = await info.getByRole("textbox", { name: "Invite link" }).inputValue();
  const carol = await alice.context.newPage();
  await carol.goto(link);
  await carol.getByLabel("Your name").fill("carol");
  await carol.getByLabel("Your name").press("Enter");
  await carol.getByRole("button", { name: "Join", exact: true }).click();
  await carol.getByRole("main", { name: "Chat with The team" }).waitFor();
  await expectSoon(() => alice.events(), ["alice created The team", "carol joined"]);
});

test("a conversation is pinned, muted and archived for its user, in all their tabs", async () => {
  const { url } = await parley();
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  const second = await tabOf(url, "bob", bob);
  await bob.page.bringToFront();
  await alice.makeGroup("First", "bob");
  await alice.say("in the first");
  await alice.makeGroup("Second", "bob");
  await alice.say("in the second");
  const titles = () => bob.page.locator(".row-line .row-title").allTextContents();
  await expectSoon(titles, ["Second", "First"]);
  const prefer = async (title: string, item: string) => {
    await bob.row(title).hover();
    await bob.page.getByRole("button", { name: `Options for ${title}` }).click();
    await bob.page.getByRole("menuitem", { name: item }).click();
  };
  await prefer("First", "Pin to the top");
  await expectSoon(titles, ["First", "Second"]);
  await expectSoon(
    () => second.page.locator(".row-line .row-title").allTextContents(),
    ["First", "Second"],
  );
  await expectSoon(() => bob.page.title(), "(2) Parley");
  await prefer("Second", "Mute always");
  await expectSoon(() => bob.page.title(), "(1) Parley");
  await second.row("Second").getByRole("img", { name: "Muted" }).waitFor();
  await prefer("Second", "Archive");
  await expectSoon(titles, ["First"]);
  await bob.page.reload();
  await expectSoon(titles, ["First"]);
  await bob.page.getByRole("button", { name: /^Archived/ }).click();
  await expectSoon(titles, ["Second"]);
  await prefer("Second", "Take out of the archive");
  await bob.page.getByText("Nothing is archived.").waitFor();
  await bob.page.getByRole("button", { name: "Back to all conversations" }).click();
  await expectSoon(titles, ["First", "Second"]);
});

test("a list that is longer than a page goes on, and whoever stands further down is found", async () => {
  const { url } = await parley({ env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });
  const headers = { "X-User-Id": "alice", "Content-Type": "application/json" };
  const post = async (path: string, body: object) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(201);
  };
  await post(`/api/conversations/${encodeURIComponent("dm:alice:bob")}/messages`, {
    ...{ recipientId: "bob", content: "long ago" },
  });
  for (let group = 1; group <= 54; group += 1) {
    await post("/api/conversations", { title: `Group ${group}`, memberIds: [] });
  }
  const alice = await tabOf(url, "alice");
  const rows = alice.page.locator(".row-line");
  await expectSoon(() => rows.count(), 50);
  await alice.page.getByRole("button", { name: "Show more" }).click();
  await expectSoon(() => rows.count(), 55);
  await alice.page.reload();
  await expectSoon(() => rows.count(), 50);
  await alice.openChatWith("bob");
  await expectSoon(() => alice.bubbles(), ["long ago"]);
});
