import type { BrowserSubscription } from "./browser-push.ts";
import { ApiError, type Requests } from "./requests.ts";
import {
  type NoticePreferences,
  type NoticeSetup,
  type NoticeTarget,
  readNoticePreferences,
  readNoticeSetup,
  readNoticeTarget,
  readNoticeTargets,
} from "./wire-notifications.ts";

const PATH = "/api/notifications";
const TARGETS = `${PATH}/targets`;

/** How the user is told of messages while they are away. Calls fail as those of `Api` do. */
export class NotificationsApi {
  readonly #requests: Pick<Requests, "get" | "send">;

  constructor(requests: Pick<Requests, "get" | "send">) {
    this.#requests = requests;
  }

  /** null: the server tells nobody. */
  async setup(): Promise<NoticeSetup | null> {
    try {
      const setup = readNoticeSetup(await this.#requests.get(PATH));
      return setup.channels.length === 0 ? null : setup;
    } catch (fault) {
      if (fault instanceof ApiError && fault.code === "NOT_FOUND") return null;
      throw fault;
    }
  }

  /** What is not named stays. */
  async change(change: Partial<NoticePreferences>): Promise<NoticePreferences> {
    return readNoticePreferences(await this.#requests.send("PATCH", PATH, change));
  }

  async targets(): Promise<NoticeTarget[]> {
    return readNoticeTargets(await this.#requests.get(TARGETS));
  }

  /** The same for the same end point. It is this user's from now on, whosever it was. */
  async addBrowser({ endpoint, keys }: BrowserSubscription): Promise<NoticeTarget> {
    const target = { channel: "webpush", address: endpoint, keys };
    return readNoticeTarget(await this.#requests.send("POST", TARGETS, target));
  }

  async removeTarget(id: string): Promise<void> {
    await this.#requests.send("DELETE", `${TARGETS}/${encodeURIComponent(id)}`);
  }
}
