import type { Locator, Worker } from "playwright-core";
import type { ChatTab } from "./browser.ts";
import type { PushService, PushSubscription } from "./push-service.ts";

/** What the system shows for the page. */
export interface ShownNotice {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
}

const MOST_DELIVERIES = 5;
const NOTED_MS = 5_000;

/**
 * A tab whose browser has a push service, which headless ones have not: the page subscribes with the
 * test's, and the developer tools deliver what that has taken.
 */
export class PushedTab {
  #delivered = 0;

  private constructor(
    readonly tab: ChatTab,
    private readonly pushes: PushService,
  ) {}

  /** Before the page is opened. */
  static async of(
    tab: ChatTab,
    url: string,
    pushes: PushService,
    isAllowed: boolean,
  ): Promise<PushedTab> {
    const { context } = tab;
    // Those that are not named are denied.
    await context.grantPermissions(isAllowed ? ["notifications"] : [], { origin: url });
    await context.exposeFunction(SUBSCRIBE, (serverKey: string) => pushes.subscribe(serverKey));
    await context.exposeFunction(UNSUBSCRIBE, (subscription: PushSubscription) =>
      pushes.unsubscribe(subscription),
    );
    await context.addInitScript(subscribeHere, { SUBSCRIBE, UNSUBSCRIBE, KEPT });
    await context.addInitScript(noteClosing, CLOSED);
    return new PushedTab(tab, pushes);
  }

  async signIn(url: string, userId: string): Promise<void> {
    await this.tab.page.goto(`${url}/?user=${userId}`);
    await this.tab.online();
  }

  /** To a page where the user is not connected, but which can be asked for notices. */
  async leave(url: string): Promise<void> {
    await this.tab.page.goto(`${url}/api/docs`);
  }

  /** From the menu. */
  async choose(item: string): Promise<void> {
    const { page } = this.tab;
    await page.getByRole("button", { name: "Menu", exact: true }).click();
    await page.getByRole("menuitem", { name: item }).click();
  }

  /** The dialog. */
  async openSettings(): Promise<Locator> {
    await this.choose("Notifications");
    const dialog = this.tab.page.getByRole("dialog", { name: "Notifications" });
    await dialog.waitFor();
    return dialog;
  }

  async switchOn(): Promise<void> {
    const dialog = await this.openSettings();
    await dialog.getByRole("switch", { name: "In this browser", checked: false }).click();
    await dialog.getByRole("switch", { name: "In this browser", checked: true }).waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
  }

  /** The next message that the push service takes, whosever it is. Resolves with its text. */
  async deliverNext(): Promise<string> {
    this.#delivered += 1;
    await this.pushes.taken(this.#delivered);
    const text = this.pushes.received[this.#delivered - 1]?.text ?? "";
    await this.deliver(text);
    return text;
  }

  /**
   * Resolves when the worker has noted the message's key, where it has one. On a busy machine what the
   * tools deliver comes to nothing now and then, without a word: it is delivered again then.
   */
  async deliver(data: string): Promise<void> {
    const [, key] = /"key":"([^"]+)"/.exec(data) ?? [];
    for (let attempt = 1; attempt <= MOST_DELIVERIES; attempt += 1) {
      await this.#deliverOnce(data);
      if (key === undefined || (await this.#isNoted(key))) return;
    }
  }

  /** Within some seconds. */
  async #isNoted(key: string): Promise<boolean> {
    const endMs = Date.now() + NOTED_MS;
    while (Date.now() < endMs) {
      const noted = await this.tab.page.evaluate(async () => {
        const cache = await caches.open("parley.push");
        return (await cache.match("/push/shown-keys"))?.text() ?? "";
      });
      if (noted.includes(`"${key}"`)) return true;
      await Bun.sleep(25);
    }
    return false;
  }

  async #deliverOnce(data: string): Promise<void> {
    const { context, page } = this.tab;
    const { origin } = new URL(page.url());
    const tools = await context.newCDPSession(page);
    const registrationId = new Promise<string>((resolve) => {
      tools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        for (const { registrationId: id } of registrations) resolve(id);
      });
    });
    await tools.send("ServiceWorker.enable");
    await tools.send("ServiceWorker.deliverPushMessage", {
      ...{ origin, registrationId: await registrationId, data },
    });
    // The session ends with the page: what was asked of the worker may not have come to it yet.
  }

  notices(): Promise<ShownNotice[]> {
    return this.tab.page.evaluate(async () => {
      const shown = await (await navigator.serviceWorker.ready).getNotifications();
      return shown.map(({ title, body, tag }) => ({ title, body, tag }));
    });
  }

  /** Tags of what the page has closed since it was loaded: after a while all go by themselves. */
  takenBack(): Promise<string[]> {
    return this.tab.page.evaluate((name) => Reflect.get(globalThis, name), CLOSED);
  }

  /** The only notice that is shown is pressed. */
  async press(): Promise<void> {
    await this.#worker().evaluate(async () => {
      const registration: ServiceWorkerRegistration = Reflect.get(globalThis, "registration");
      const [notification] = await registration.getNotifications();
      const Press: new (type: string, init: object) => Event = Reflect.get(
        globalThis,
        "NotificationEvent",
      );
      dispatchEvent(new Press("notificationclick", { notification }));
    });
  }

  /**
   * The browser ends the page's subscription by itself, and makes another one, or leaves that to the
   * worker. Resolves with what that one has asked for.
   */
  async renewSubscription(by: "browser" | "worker", renewed: PushSubscription): Promise<unknown[]> {
    await this.tab.page.evaluate(
      ([name = "", subscription]) => {
        const { serverKey } = JSON.parse(localStorage.getItem(name) ?? "");
        const kept = { subscription: JSON.parse(subscription ?? ""), serverKey };
        localStorage.setItem(name, JSON.stringify(kept));
      },
      [KEPT, JSON.stringify(renewed)],
    );
    return await this.#worker().evaluate(async (isBrowsers) => {
      const registration: ServiceWorkerRegistration = Reflect.get(globalThis, "registration");
      const asked: unknown[] = [];
      Object.assign(registration.pushManager, {
        subscribe: async (options: unknown) => void asked.push(options),
      });
      const Change: new (type: string) => Event = Reflect.get(globalThis, "ExtendableEvent");
      const options = { userVisibleOnly: true, applicationServerKey: "the server's key" };
      const subscriptions = {
        oldSubscription: { options },
        newSubscription: isBrowsers ? { options } : null,
      };
      dispatchEvent(Object.assign(new Change("pushsubscriptionchange"), subscriptions));
      return asked;
    }, by === "browser");
  }

  #worker(): Worker {
    const [worker] = this.tab.context.serviceWorkers();
    if (worker === undefined) throw new Error("The page has no service worker");
    return worker;
  }
}

/** Names of the page's ways to the push service, and of where its storage has the subscription. */
const SUBSCRIBE = "subscribeWithTest";
const UNSUBSCRIBE = "unsubscribeWithTest";
const KEPT = "test.subscription";
/** Under this name the page has a list of the notices that it has closed. */
const CLOSED = "closedNotices";

/** Runs in the page, as its push manager. */
function subscribeHere(names: { SUBSCRIBE: string; UNSUBSCRIBE: string; KEPT: string }): void {
  interface Kept {
    readonly subscription: PushSubscription;
    readonly serverKey: string;
  }
  const bytesOf = (base64url: string) => {
    const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0)).buffer;
  };
  const subscriptionOf = ({ subscription, serverKey }: Kept) => ({
    endpoint: subscription.endpoint,
    options: { userVisibleOnly: true, applicationServerKey: bytesOf(serverKey) },
    getKey: (name: "p256dh" | "auth") => bytesOf(subscription.keys[name]),
    async unsubscribe() {
      localStorage.removeItem(names.KEPT);
      await Reflect.get(globalThis, names.UNSUBSCRIBE)(subscription);
      return true;
    },
  });
  Object.assign(PushManager.prototype, {
    async subscribe({ applicationServerKey: serverKey }: { applicationServerKey: string }) {
      const subscription = await Reflect.get(globalThis, names.SUBSCRIBE)(serverKey);
      localStorage.setItem(names.KEPT, JSON.stringify({ subscription, serverKey }));
      return subscriptionOf({ subscription, serverKey });
    },
    async getSubscription() {
      const kept = localStorage.getItem(names.KEPT);
      return kept === null ? null : subscriptionOf(JSON.parse(kept));
    },
  });
}

/** Runs in the page. */
function noteClosing(name: string): void {
  const closed: string[] = [];
  const { close } = Notification.prototype;
  Notification.prototype.close = function () {
    closed.push(this.tag);
    close.call(this);
  };
  Object.assign(globalThis, { [name]: closed });
}
