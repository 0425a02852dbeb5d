import type { BrowserPush, BrowserSubscription } from "../../src/web/browser-push.ts";
import type { NotificationsApi } from "../../src/web/notifications-api.ts";
import type { NoticePreferences, NoticeSetup } from "../../src/web/wire-notifications.ts";

/** A browser whose user, and whose push service, do as the test says. */
export class FakeBrowser implements BrowserPush {
  support: BrowserPush["support"] = "supported";
  /** What the user has said; "default": nothing yet. */
  allowed: NotificationPermission = "default";
  /** What they say when they are asked. */
  answer: NotificationPermission = "granted";
  /** null: the push service does as it should. */
  fault: DOMException | null = null;
  /** The push service does not answer. */
  isSilent = false;
  current: BrowserSubscription | null = null;
  readonly closed: string[] = [];
  #made = 0;

  permission(): NotificationPermission {
    return this.allowed;
  }

  async askPermission(): Promise<NotificationPermission> {
    if (this.allowed === "default") this.allowed = this.answer;
    return this.allowed;
  }

  async subscription(): Promise<BrowserSubscription | null> {
    return this.current;
  }

  async subscribe(serverKey: string): Promise<BrowserSubscription> {
    if (this.isSilent) await new Promise(() => {});
    if (this.fault !== null) throw this.fault;
    this.current = subscription(`end-${++this.#made}`, serverKey);
    return this.current;
  }

  async unsubscribe(): Promise<void> {
    this.current = null;
  }

  async closeNotices(conversationId: string): Promise<void> {
    this.closed.push(conversationId);
  }
}

export function subscription(name: string, serverKey: string): BrowserSubscription {
  const keys = { p256dh: `p256dh of ${name}`, auth: `auth of ${name}` };
  return { endpoint: `https://push.example/${name}`, keys, serverKey };
}

export const PREFERENCES: NoticePreferences = {
  ...{ push: true, email: true, groups: "all", previews: true, quietHours: null },
};

/** One user's part of a server; its answers may be made to fail. */
export class FakeNotificationsApi
  implements Pick<NotificationsApi, "setup" | "change" | "targets" | "addBrowser" | "removeTarget">
{
  answer: NoticeSetup | null = {
    ...{ channels: ["webpush", "email"], webPushKey: "key-1", preferences: PREFERENCES },
  };
  fault: Error | null = null;
  hasEmail = false;
  /** By end point. */
  readonly browsers = new Map<string, string>();
  readonly #asked: string[] = [];

  /** What has been asked since the last look. */
  asked(): string[] {
    return this.#asked.splice(0);
  }

  async setup(): Promise<NoticeSetup | null> {
    this.#ask("setup");
    return this.answer;
  }

  async change(change: Partial<NoticePreferences>): Promise<NoticePreferences> {
    this.#ask(`change ${JSON.stringify(change)}`);
    const preferences = { ...PREFERENCES, ...this.answer?.preferences, ...change };
    if (this.answer !== null) this.answer = { ...this.answer, preferences };
    return preferences;
  }

  async targets() {
    this.#ask("targets");
    const browsers = [...this.browsers.values()].map((id) => ({ id, channel: "webpush" }));
    return this.hasEmail ? [...browsers, { id: "mail", channel: "email" }] : browsers;
  }

  async addBrowser({ endpoint }: BrowserSubscription) {
    const id = `target of ${endpoint.split("/").at(-1)}`;
    this.#ask(`add ${id}`);
    this.browsers.set(endpoint, id);
    return { id, channel: "webpush" };
  }

  async removeTarget(id: string): Promise<void> {
    this.#ask(`remove ${id}`);
    for (const [endpoint, known] of this.browsers) if (known === id) this.browsers.delete(endpoint);
  }

  #ask(what: string): void {
    if (this.fault !== null) throw this.fault;
    this.#asked.push(what);
  }
}
