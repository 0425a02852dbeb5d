import { hashOfConversation } from "../conversation-address.ts";
import type { WorkerMessage } from "../worker-messages.ts";

/** A window of this origin, as service workers see it. */
export interface PageTab {
  readonly url: string;
  focus(): Promise<unknown>;
  postMessage(message: WorkerMessage): void;
}

export interface PageTabsOptions {
  /** Where the page is; the origin has other documents, such as the API's reference. */
  readonly pageUrl: string;
  /** The one that was looked at last first. */
  readonly windows: () => Promise<readonly PageTab[]>;
  readonly openWindow: (url: string) => Promise<unknown>;
}

/** The tabs in which the page is open. */
export class PageTabs {
  readonly #options: PageTabsOptions;

  constructor(options: PageTabsOptions) {
    this.#options = options;
  }

  /** Brings the page to the front with the conversation open in it; null: as it is. */
  async show(conversationId: string | null): Promise<void> {
    const { pageUrl, openWindow } = this.#options;
    const [tab] = await this.#tabs();
    if (tab === undefined) {
      const hash = conversationId === null ? "" : hashOfConversation(conversationId);
      await openWindow(pageUrl + hash);
      return;
    }
    // Told before: a window manager may refuse the focus.
    if (conversationId !== null) tab.postMessage({ kind: "open-conversation", conversationId });
    await tab.focus();
  }

  async tell(message: WorkerMessage): Promise<void> {
    for (const tab of await this.#tabs()) tab.postMessage(message);
  }

  async #tabs(): Promise<readonly PageTab[]> {
    const { pageUrl, windows } = this.#options;
    const { pathname } = new URL(pageUrl);
    return (await windows()).filter(({ url }) => new URL(url).pathname === pathname);
  }
}
