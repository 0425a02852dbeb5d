import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { NamedTurns } from "./named-turns.ts";
import type { NoticeTargetStore } from "./ports.ts";
import { DEFAULT_PREFERENCES, type NoticePreferences } from "./preferences.ts";
import type { NoticeChannel, NoticeTarget } from "./provider.ts";
import { storedAddress, type TargetWish, type UrlRefusal } from "./target-address.ts";

/** Of each user: each takes a send for every conversation with something to tell. */
const MOST_TARGETS = 20;

export interface NotificationsOptions {
  readonly store: NoticeTargetStore;
  /** Those that the server has. */
  readonly channels: readonly NoticeChannel[];
  /** By which browsers know this server (VAPID), in base64url; null: it has no web push. */
  readonly webPushKey: string | null;
  /** Of the end points of push subscriptions, which are whatever users say they are. */
  readonly refusalOf: UrlRefusal;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** Where each user is reached while they are away, and what they wish to be told. */
export class Notifications {
  readonly #options: NotificationsOptions;
  /** By user: so that no change is lost to another one, and there are not more targets than may be. */
  readonly #turns = new NamedTurns();

  constructor(options: NotificationsOptions) {
    this.#options = options;
  }

  get channels(): readonly NoticeChannel[] {
    return this.#options.channels;
  }

  get webPushKey(): string | null {
    return this.#options.webPushKey;
  }

  async preferencesOf(userId: string): Promise<NoticePreferences> {
    return (await this.#options.store.preferencesOf(userId)) ?? DEFAULT_PREFERENCES;
  }

  /**
   * What is not named stays. Resolves with what holds when it is on disk; of changes on several nodes
   * at once the last one's holds.
   */
  changePreferences(
    userId: string,
    change: Partial<NoticePreferences>,
  ): Promise<NoticePreferences> {
    return this.#turns.take(userId, async () => {
      const preferences = { ...(await this.preferencesOf(userId)), ...change };
      await this.#options.store.putPreferences(userId, preferences);
      return preferences;
    });
  }

  /** The one made first first. */
  async targetsOf(userId: string): Promise<NoticeTarget[]> {
    return this.#options.store.targetsOf(userId);
  }

  /**
   * Resolves when it is on disk, with the one that is there where that has the same keys. E-mail
   * addresses are the back end's to give, which knows whose they are: users could have others written
   * to. Rejects with VALIDATION_FAILED, CHANNEL_NOT_AVAILABLE, NOT_PERMITTED or TOO_MANY_TARGETS.
   *
   * @param isServer the app's back end says so
   */
  async addTarget(
    userId: string,
    wish: TargetWish,
    isServer: boolean,
  ): Promise<{ readonly target: NoticeTarget; readonly isNew: boolean }> {
    const { store, channels, refusalOf, clock, newId } = this.#options;
    const { channel } = wish;
    if (!channels.includes(channel)) {
      throw new AppError("CHANNEL_NOT_AVAILABLE", `The server does not tell users by ${channel}`);
    }
    if (channel === "email" && !isServer) {
      throw new AppError("NOT_PERMITTED", "E-mail addresses are set by the app's back end");
    }
    const { address, keys } = storedAddress(wish, refusalOf);
    return this.#turns.take(userId, async () => {
      const targets = await store.targetsOf(userId);
      const former = targets.find((one) => one.channel === channel && one.address === address);
      if (former?.keys === keys) return { target: former, isNew: false };
      if (former === undefined && targets.length >= MOST_TARGETS) {
        throw new AppError("TOO_MANY_TARGETS", `There are ${MOST_TARGETS} targets already`);
      }
      const target = { id: newId(), userId, channel, address, keys, createdMs: clock.now() };
      await store.putTarget(target);
      return { target, isNew: true };
    });
  }

  /** Of another user's target, and of none, a no-op. Resolves when it is on disk. */
  removeTarget(userId: string, id: string): Promise<void> {
    return this.#options.store.removeTarget(userId, id);
  }
}
