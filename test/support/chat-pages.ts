import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import type { Browser } from "playwright-core";
import { ChatTab, launchChromium } from "./browser.ts";
import { type ParleyOptions, type ParleyProcess, startParley } from "./parley-process.ts";

export interface ChatPages {
  /** A server of the test's own. */
  readonly parley: (options?: ParleyOptions) => Promise<ParleyProcess>;
  /** Signed in and connected; in the browser profile of another tab, or in one of its own. */
  readonly tabOf: (url: string, userId: string, beside?: ChatTab) => Promise<ChatTab>;
  readonly blank: () => Promise<ChatTab>;
}

/**
 * Servers and tabs for the tests of a file, gone after each. A test fails with whatever its tabs have
 * written to the console as an error.
 */
export function chatPages(): ChatPages {
  let browser: Browser;
  const tabs: ChatTab[] = [];
  const servers: ParleyProcess[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser.close());

  afterEach(async () => {
    const faults = tabs.flatMap((tab) => tab.faults);
    await Promise.all(browser.contexts().map((context) => context.close()));
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    tabs.length = 0;
    expect(faults).toEqual([]);
  });

  return {
    async parley(options = {}) {
      const server = await startParley(options);
      servers.push(server);
      return server;
    },
    async tabOf(url, userId, beside) {
      const tab = await ChatTab.of(browser, url, userId, beside?.context);
      tabs.push(tab);
      return tab;
    },
    async blank() {
      const tab = await ChatTab.blank(browser);
      tabs.push(tab);
      return tab;
    },
  };
}
