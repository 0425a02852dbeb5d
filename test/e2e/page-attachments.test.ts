import { expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { type ChatTab, expectSoon } from "../support/browser.ts";
import { chatPages } from "../support/chat-pages.ts";
import type { ParleyOptions } from "../support/parley-process.ts";
import { png } from "../support/pictures.ts";

setDefaultTimeout(120_000);

const { parley, tabOf } = chatPages();

interface Given {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

const TEXT = Buffer.from("bread, milk, tea\n");
const NOTES: Given = { name: "notes.txt", mimeType: "text/plain", buffer: TEXT };

async function lake(name = "lake.png"): Promise<Given> {
  return { name, mimeType: "image/png", buffer: await png(800, 600) };
}

async function talk(options?: ParleyOptions): Promise<[ChatTab, ChatTab]> {
  const { url } = await parley(options);
  const [alice, bob] = await Promise.all([tabOf(url, "alice"), tabOf(url, "bob")]);
  await Promise.all([alice.openChatWith("bob"), bob.openChatWith("alice")]);
  return [alice, bob];
}

/** What was chosen for the message that is being written. */
function uploads({ page }: ChatTab) {
  return page.getByRole("list", { name: "Files to send" });
}

async function attach({ page }: ChatTab, ...files: readonly Given[]): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Attach files" }).click();
  await (await chooser).setFiles([...files]);
}

/** Width and height of every thumbnail that is shown, from the top. */
function thumbnails(page: Page): Promise<string[]> {
  return page
    .locator(".picture img")
    .evaluateAll((images) =>
      images.map((image) =>
        image instanceof HTMLImageElement ? `${image.naturalWidth}x${image.naturalHeight}` : "",
      ),
    );
}

/** As from a file manager, or the clipboard. */
async function hand(
  { page }: ChatTab,
  how: "dragstart" | "dragover" | "dragend" | "drop" | "paste",
  file: Given,
): Promise<void> {
  const sent = { how, name: file.name, type: file.mimeType, bytes: [...file.buffer] };
  await page.getByLabel("Message to bob").evaluate((field, { how, name, type, bytes }) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type }));
    const usual = { bubbles: true, cancelable: true };
    const event =
      how === "paste"
        ? new ClipboardEvent("paste", { ...usual, clipboardData: data })
        : new DragEvent(how, { ...usual, dataTransfer: data });
    field.dispatchEvent(event);
  }, sent);
}

test("a picture and a text are sent, and are seen, opened and saved on the other side", async () => {
  const [alice, bob] = await talk();
  const mayLoad = Promise.withResolvers<void>();
  await bob.page.route("**/files/*", async (route) => {
    await mayLoad.promise;
    await route.continue();
  });
  await attach(alice, await lake(), NOTES);
  await expectSoon(() => uploads(alice).locator("small").count(), 2);
  await alice.page.getByRole("button", { name: "Send" }).click();
  await expectSoon(() => alice.ticks(), ["Read"]);
  const picture = bob.page.getByRole("button", { name: "Picture lake.png" });
  const sizeBefore = await picture.boundingBox();
  expect([sizeBefore?.width, sizeBefore?.height]).toEqual([320, 240]);
  mayLoad.resolve();
  for (const { page } of [alice, bob]) {
    await expectSoon(() => thumbnails(page), ["512x384"]);
    await page.getByRole("button", { name: "Download notes.txt, 17 bytes" }).waitFor();
  }
  expect(await picture.boundingBox()).toEqual(sizeBefore);
  expect(await uploads(alice).count()).toBe(0);
  expect(await alice.row("bob").locator(".row-text").textContent()).toBe("2 files");

  await picture.focus();
  await bob.page.keyboard.press("Enter");
  const full = bob.page.getByRole("dialog", { name: "lake.png" }).getByRole("img");
  await expectSoon(
    () => full.evaluate((image) => (image instanceof HTMLImageElement ? image.naturalWidth : 0)),
    800,
  );
  await bob.page.keyboard.press("Escape");
  await full.waitFor({ state: "detached" });
  expect(await picture.evaluate((element) => element === document.activeElement)).toBe(true);

  const saved = bob.page.waitForEvent("download");
  await bob.page.getByRole("button", { name: "Download notes.txt" }).click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe("notes.txt");
  expect(await Bun.file(await download.path()).text()).toBe(TEXT.toString());

  await alice.choose("notes.txt", "Delete for everyone");
  await alice.page.getByRole("button", { name: "Delete", exact: true }).click();
  for (const { page } of [alice, bob]) {
    await page.getByText("This message was deleted").first().waitFor();
    expect(await page.locator(".picture, .file").count()).toBe(0);
  }
});

test("the text beside a file is edited away, and the file stays", async () => {
  const [alice, bob] = await talk();
  await attach(alice, NOTES);
  await expectSoon(() => uploads(alice).locator("small").count(), 1);
  await alice.page.getByLabel("Message to bob").fill("to buy");
  await alice.page.keyboard.press("Enter");
  await expectSoon(() => bob.bubbles(), ["to buy"]);
  await alice.choose("to buy", "Edit");
  const field = alice.page.getByLabel("New text of the message");
  await field.fill("");
  await field.press("Enter");
  for (const tab of [alice, bob]) {
    await expectSoon(() => tab.page.getByText("to buy").count(), 0);
    await tab.page.getByRole("button", { name: "edited" }).waitFor();
    await tab.page.getByRole("button", { name: "Download notes.txt" }).waitFor();
  }
});

test("files are dropped and pasted, taken away again, and stay while one looks elsewhere", async () => {
  const [alice, bob] = await talk();
  const hint = alice.page.getByText("Drop files to send them to bob");
  // Of what is dragged about within the page nothing is sent.
  await hand(alice, "dragstart", await lake("own.png"));
  await hand(alice, "dragover", await lake("own.png"));
  await hand(alice, "drop", await lake("own.png"));
  await hand(alice, "dragend", await lake("own.png"));
  expect(await hint.count()).toBe(0);
  await hand(alice, "dragover", await lake("dropped.png"));
  await hint.waitFor();
  await hand(alice, "drop", await lake("dropped.png"));
  await hint.waitFor({ state: "detached" });
  await hand(alice, "paste", await lake("pasted.png"));
  const names = () => uploads(alice).locator(".file-name").allTextContents();
  await expectSoon(names, ["dropped.png", "pasted.png"]);
  await expectSoon(() => uploads(alice).locator("img").count(), 2);
  await alice.openChatWith("carol");
  expect(await uploads(alice).count()).toBe(0);
  await alice.openChatWith("bob");
  await uploads(alice).getByRole("button", { name: "Remove dropped.png" }).focus();
  await alice.page.keyboard.press("Enter");
  await expectSoon(names, ["pasted.png"]);
  expect(await alice.field.evaluate((field) => field === document.activeElement)).toBe(true);
  await alice.say("look at this");
  await expectSoon(() => bob.bubbles(), ["look at this"]);
  await expectSoon(() => thumbnails(bob.page), ["512x384"]);
});

test("what the server refuses is told in words, and the message waits for it", async () => {
  const [alice, bob] = await talk({ env: { PARLEY_ATTACHMENTS_TYPES: "image/png" } });
  await attach(alice, NOTES);
  const refusal = "Files of this kind are not taken, and empty ones neither.";
  await expectSoon(() => uploads(alice).getByRole("alert").allTextContents(), [refusal]);
  await alice.say("here it is");
  await alice.page.getByText("Remove the file that could not be sent, or try it again.").waitFor();
  await uploads(alice).getByRole("button", { name: "Remove notes.txt" }).click();
  await alice.field.press("Enter");
  await expectSoon(() => bob.bubbles(), ["here it is"]);
  expect(alice.faults.splice(0)).toEqual([expect.stringContaining("415")]);
});

test("an upload under way shows how far it is, and is cancelled", async () => {
  const [alice] = await talk();
  const network = await alice.context.newCDPSession(alice.page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", {
    ...{ offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 50_000 },
  });
  const large = Buffer.alloc(2_000_000, "tea ");
  await attach(alice, { ...NOTES, name: "large.txt", buffer: large });
  const progress = uploads(alice).getByRole("progressbar", { name: "Sending large.txt" });
  const percent = async () => Number(await progress.getAttribute("value"));
  await expectSoon(async () => (await percent()) > 0, true);
  await alice.say("too soon");
  await alice.page.getByText("The files are still on their way.").waitFor();
  await uploads(alice).getByRole("button", { name: "Cancel large.txt" }).click();
  await uploads(alice).waitFor({ state: "detached" });
  await alice.field.press("Enter");
  await expectSoon(() => alice.bubbles(), ["too soon"]);
});

test("a link that does not hold any more is asked for anew", async () => {
  const [alice, bob] = await talk({ env: { PARLEY_ATTACHMENTS_LINK_MS: "1000" } });
  await attach(alice, await lake());
  await uploads(alice).locator("img").waitFor();
  // The first answer is of long ago.
  let asked = 0;
  await bob.page.route("**/api/attachments/*", async (route) => {
    const answer = await route.fetch();
    const links = await answer.json();
    asked += 1;
    if (asked > 1) return await route.fulfill({ json: links });
    const thumbnailUrl = links.thumbnailUrl.replace(/expires=\d+/, "expires=1");
    await route.fulfill({ json: { ...links, thumbnailUrl } });
  });
  await alice.page.getByRole("button", { name: "Send" }).click();
  await expectSoon(() => thumbnails(bob.page), ["512x384"]);
  expect(asked).toBe(2);
  expect(bob.faults.splice(0)).toEqual([expect.stringContaining("403")]);
});
