import { expect } from "bun:test";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";

const EXECUTABLE = "/usr/bin/chromium";
const PATIENCE_MS = 30_000;

/** A headless Chromium. Its sandbox needs an ordinary user. */
export function launchChromium(): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: EXECUTABLE, args });
}

/** Looks again and again until it sees what is expected; fails with the difference. */
export async function expectSoon<Seen>(look: () => Promise<Seen>, expected: Seen): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (Date.now() < endMs) {
    if (Bun.deepEquals(await look(), expected)) return;
    await Bun.sleep(25);
  }
  expect<Seen>(await look()).toEqual(expected);
}

/** What the browser says of a server that is not there. */
const UNREACHABLE =
  /ERR_(?:CONNECTION_(?:REFUSED|RESET|CLOSED)|EMPTY_RESPONSE)|^WebSocket connection to /;

/** The chat page as somebody sees it who sits in front of it. */
export class ChatTab {
  /** Exceptions in the page that nothing caught, and errors in its console. */
  readonly faults: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (fault) => this.faults.push(fault.message));
    page.on("console", (said) => {
      if (said.type() !== "error" || UNREACHABLE.test(said.text())) return;
      this.faults.push(`${said.text()} (${said.location().url})`);
    });
  }

  /** In a browser profile of its own, unless a context is given. */
  static async blank(browser: Browser, context?: BrowserContext): Promise<ChatTab> {
    return new ChatTab(await (context ?? (await browser.newContext())).newPage());
  }

  /** Signed in and connected. */
  static async of(
    browser: Browser,
    url: string,
    userId: string,
    context?: BrowserContext,
  ): Promise<ChatTab> {
    const tab = await ChatTab.blank(browser, context);
    await tab.page.goto(`${url}/?user=${userId}`);
    await tab.online();
    return tab;
  }

  get context(): BrowserContext {
    return this.page.context();
  }

  /** The field for the next message. */
  get field(): Locator {
    return this.page.getByRole("textbox", { name: /^Message to/ });
  }

  get presence(): Locator {
    return this.page.locator(".presence-text");
  }

  async online(): Promise<void> {
    await this.page.locator(".link-online").waitFor({ state: "attached" });
  }

  async openChatWith(userId: string): Promise<void> {
    const field = this.page.getByLabel("Start a chat with");
    await field.fill(userId);
    await field.press("Enter");
    await this.page.getByRole("main", { name: `Chat with ${userId}` }).waitFor();
    await this.loaded();
  }

  /** The newest page of the history is there. */
  async loaded(): Promise<void> {
    await this.page.locator('[role="log"][aria-busy="false"]').waitFor();
  }

  async say(...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      await this.field.fill(text);
      await this.field.press("Enter");
    }
  }

  /** The text of every bubble, from the top. */
  bubbles(): Promise<string[]> {
    return this.page.locator(".bubble .content").allTextContents();
  }

  /** What can be chosen for the message with that text. */
  async openMenu(text: string): Promise<Locator> {
    const message = this.page.locator(".message", { hasText: text }).last();
    await message.hover();
    await message.getByRole("button", { name: /^Message options/ }).click();
    return this.page.getByRole("menu", { name: "Message options" });
  }

  async choose(text: string, item: string): Promise<void> {
    const menu = await this.openMenu(text);
    await menu
      .getByRole(/^(Take|React with) /.test(item) ? "menuitemcheckbox" : "menuitem", {
        name: item,
      })
      .click();
  }

  /** The label of every reaction, from the top. */
  reactions(): Promise<string[]> {
    return this.page
      .locator(".reactions button")
      .evaluateAll((buttons) => buttons.map((button) => button.getAttribute("aria-label") ?? ""));
  }

  /** With these members, who are added by name; it is open then. */
  async makeGroup(title: string, ...memberIds: readonly string[]): Promise<void> {
    await this.page.getByRole("button", { name: "New group" }).click();
    const dialog = this.page.getByRole("dialog", { name: "New group" });
    await dialog.getByLabel("Group name").fill(title);
    for (const userId of memberIds) {
      await dialog.getByLabel("Add a member").fill(userId);
      await dialog.getByLabel("Add a member").press("Enter");
    }
    await dialog.getByRole("button", { name: /^Make group/ }).click();
    await this.page.getByRole("main", { name: `Chat with ${title}` }).waitFor();
    await this.loaded();
  }

  /** The dialog about the open group. */
  async openInfo(): Promise<Locator> {
    await this.page.getByTitle("Group info").click();
    const dialog = this.page.getByRole("dialog", { name: "Group info" });
    await dialog.waitFor();
    return dialog;
  }

  /** What a search has found, from the top. */
  found(): Locator {
    return this.page.locator(".found");
  }

  async isInSight(text: string): Promise<boolean> {
    return await this.page
      .locator(".message", { hasText: text })
      .first()
      .evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        const box = element.closest(".scroller")?.getBoundingClientRect();
        return box !== undefined && top >= box.top && bottom <= box.bottom;
      });
  }

  /** One message to each of them. */
  async talkTo(userIds: readonly string[]): Promise<void> {
    for (const userId of userIds) {
      await this.openChatWith(userId);
      await this.say("hello");
      await expectSoon(() => this.ticks(), ["Sent"]);
    }
  }

  /** What happened, from the top. */
  events(): Promise<string[]> {
    return this.page.locator(".log .event").allTextContents();
  }

  /** The label of every tick, from the top. */
  ticks(): Promise<string[]> {
    return this.page
      .locator(".bubble .ticks")
      .evaluateAll((ticks) => ticks.map((tick) => tick.getAttribute("aria-label") ?? ""));
  }

  row(userId: string): Locator {
    return this.page.getByRole("list", { name: "Conversations" }).getByRole("button", {
      name: new RegExp(`^(?!Options for).*\\b${userId}\\b`),
    });
  }

  /** Keys of what is kept for sending. */
  outbox(): Promise<string[]> {
    return this.page.evaluate(() =>
      Object.keys(localStorage).filter((key) => key.startsWith("parley.outbox.")),
    );
  }

  /** As the browser does it when another tab covers this one. */
  async setVisibility(state: "visible" | "hidden"): Promise<void> {
    await this.page.evaluate((visibilityState) => {
      Object.defineProperty(document, "visibilityState", {
        configurable: true,
        get: () => visibilityState,
      });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  }
}
