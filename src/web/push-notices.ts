import type { BrowserPush } from "./browser-push.ts";
import type { NotificationsApi } from "./notifications-api.ts";
import { forgetPushOwner, recallPushOwner, rememberPushOwner } from "./push-owner.ts";
import type { Schedule } from "./timers.ts";

/** Whether this browser tells the user of messages; insecure: it would, over HTTPS. */
export type PushStatus = "unsupported" | "insecure" | "denied" | "off" | "on";

/** A push service that is not there does not answer at all. */
const SUBSCRIBE_MS = 30_000;

export interface PushNoticesOptions {
  readonly userId: string;
  readonly api: Pick<NotificationsApi, "addBrowser" | "removeTarget">;
  readonly browser: BrowserPush;
  readonly storage: Storage;
  readonly schedule: Schedule;
}

/**
 * Whom this browser tells of messages while the page is closed: one user at a time, by their own wish.
 * Calls fail as those of the API do, and with DOMException where the browser refuses.
 */
export class PushNotices {
  readonly #options: PushNoticesOptions;

  constructor(options: PushNoticesOptions) {
    this.#options = options;
  }

  async status(): Promise<PushStatus> {
    const { browser } = this.#options;
    if (browser.support !== "supported") return browser.support;
    const permission = browser.permission();
    if (permission === "denied") return "denied";
    const isOn = permission === "granted" && this.#ownTargetId() !== null;
    return isOn && (await browser.subscription()) !== null ? "on" : "off";
  }

  /** From within the user's gesture. */
  async switchOn(serverKey: string): Promise<void> {
    const permission = await this.#options.browser.askPermission();
    if (permission !== "granted") throw new DOMException("Not granted", "NotAllowedError");
    await this.#subscribe(serverKey);
  }

  async switchOff(): Promise<void> {
    const { api, browser, storage } = this.#options;
    const targetId = this.#ownTargetId();
    if (targetId !== null) await api.removeTarget(targetId);
    forgetPushOwner(storage);
    await browser.unsubscribe();
  }

  /**
   * The user signs out: nothing is shown here in their name, though the server be unreachable. It learns
   * of it by the next push message, which nobody takes.
   */
  async leave(): Promise<void> {
    const { api, browser, storage } = this.#options;
    const targetId = this.#ownTargetId();
    if (targetId === null) return;
    forgetPushOwner(storage);
    await browser.unsubscribe();
    await api.removeTarget(targetId);
  }

  /**
   * The user is here. What another one left behind in this browser ends; what is theirs is told to the
   * server as it is now, since browsers renew subscriptions, and servers get new keys.
   */
  async resume(serverKey: string | null): Promise<void> {
    const { browser, storage } = this.#options;
    if (browser.support !== "supported") return;
    if (this.#ownTargetId() === null) {
      if ((await browser.subscription()) !== null) await browser.unsubscribe();
      forgetPushOwner(storage);
    } else if (browser.permission() !== "granted") {
      await this.switchOff();
    } else if (serverKey !== null) {
      await this.#subscribe(serverKey);
    }
  }

  async #subscribe(serverKey: string): Promise<void> {
    const { userId, api, browser, storage } = this.#options;
    const known = await browser.subscription();
    const isCurrent = known?.serverKey === serverKey;
    const subscription = isCurrent ? known : await this.#inTime(browser.subscribe(serverKey));
    const formerId = this.#ownTargetId();
    const { id } = await api.addBrowser(subscription);
    rememberPushOwner({ userId, targetId: id }, storage);
    if (formerId !== null && formerId !== id) await api.removeTarget(formerId);
  }

  /** null: this browser is nobody's, or another user's. */
  #ownTargetId(): string | null {
    const { userId, storage } = this.#options;
    const owner = recallPushOwner(storage);
    return owner?.userId === userId ? owner.targetId : null;
  }

  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = this.#options.schedule(SUBSCRIBE_MS, () =>
      reject(new DOMException("The push service does not answer", "TimeoutError")),
    );
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
    }
  }
}
