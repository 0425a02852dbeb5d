import type { Attempt, Outcome } from "./attempts.ts";
import type { BrowserPush } from "./browser-push.ts";
import type { NotificationsApi } from "./notifications-api.ts";
import { PushNotices, type PushStatus } from "./push-notices.ts";
import type { Event, State } from "./state.ts";
import type { Schedule } from "./timers.ts";
import type { NoticePreferences } from "./wire-notifications.ts";

/** How the user is told of messages while they are away. */
export interface NotificationState {
  readonly preferences: NoticePreferences;
  /** The server has an address of the user's to write to. */
  readonly hasEmail: boolean;
  /** The server's key for subscriptions; null: it has no web push. */
  readonly webPushKey: string | null;
  readonly browser: PushStatus;
}

export interface NotificationsOptions {
  readonly userId: string;
  readonly api: Pick<
    NotificationsApi,
    "setup" | "change" | "targets" | "addBrowser" | "removeTarget"
  >;
  readonly attempt: Attempt;
  readonly browser: BrowserPush;
  readonly storage: Storage;
  readonly state: () => State;
  readonly dispatch: (event: Event) => void;
  readonly schedule: Schedule;
  readonly onFault: (fault: unknown) => void;
}

/** What the user wishes to be told while they are away, and whether this browser does. */
export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #push: PushNotices;
  #hasBegun = false;

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#push = new PushNotices(options);
  }

  /** The user is here: once for all connections. */
  async begin(): Promise<void> {
    if (this.#hasBegun) return;
    await this.#load();
    this.#hasBegun = true;
    // Nobody waits for a push service.
    this.renew().catch(this.#options.onFault);
  }

  /** The browser has another subscription, or may have. */
  async renew(): Promise<void> {
    try {
      await this.#push.resume(this.#current()?.webPushKey ?? null);
    } catch (fault) {
      if (!(fault instanceof DOMException)) throw fault; // Else it is off, and is shown so.
    }
    await this.#look();
  }

  /** As all of it is now: other devices, and the browser's own settings, change it. */
  load(): Promise<Outcome<void>> {
    return this.#options.attempt(() => this.#load());
  }

  change(change: Partial<NoticePreferences>): Promise<Outcome<void>> {
    return this.#options.attempt(() => this.#change(change));
  }

  /** From within the user's gesture. */
  switchOn(): Promise<Outcome<void>> {
    const current = this.#current();
    const key = current?.webPushKey ?? null;
    if (current === null || key === null) return Promise.resolve(refused(NO_PUSH_SERVICE));
    return this.#switch(async () => {
      await this.#push.switchOn(key);
      if (!current.preferences.push) await this.#change({ push: true });
    });
  }

  switchOff(): Promise<Outcome<void>> {
    return this.#switch(() => this.#push.switchOff());
  }

  async signOut(): Promise<void> {
    await this.#options.attempt(() => this.#push.leave());
  }

  /** The user looks at the conversation: what this browser has shown of it is no news any more. */
  seen(conversationId: string): void {
    const { browser, onFault } = this.#options;
    browser.closeNotices(conversationId).catch(onFault);
  }

  async #load(): Promise<void> {
    const { api } = this.#options;
    const setup = await api.setup();
    if (setup === null) {
      this.#tell(null);
      return;
    }
    const { channels, webPushKey, preferences } = setup;
    const targets = channels.includes("email") ? await api.targets() : [];
    const hasEmail = targets.some(({ channel }) => channel === "email");
    this.#tell({ preferences, hasEmail, webPushKey, browser: await this.#push.status() });
  }

  async #change(change: Partial<NoticePreferences>): Promise<void> {
    const preferences = await this.#options.api.change(change);
    const current = this.#current();
    if (current !== null) this.#tell({ ...current, preferences });
  }

  async #switch(turn: () => Promise<void>): Promise<Outcome<void>> {
    try {
      return await this.#options.attempt(turn);
    } catch (fault) {
      if (!(fault instanceof DOMException)) throw fault;
      return refused(fault.name === "NotAllowedError" ? NOT_ALLOWED : NO_PUSH_SERVICE);
    } finally {
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const browser = await this.#push.status();
    const current = this.#current();
    if (current !== null) this.#tell({ ...current, browser });
  }

  #current(): NotificationState | null {
    return this.#options.state().notifications;
  }

  #tell(notifications: NotificationState | null): void {
    this.#options.dispatch({ kind: "notifications-told", notifications });
  }
}

const NOT_ALLOWED = "The browser was not allowed to show notifications.";
const NO_PUSH_SERVICE = "The browser's push service cannot be reached. Try again later.";

function refused(reason: string): Outcome<void> {
  return { isDone: false, reason, isFinal: false };
}
