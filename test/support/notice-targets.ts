import type { NoticeTargetStore } from "../../src/notify/ports.ts";
import type { NoticePreferences } from "../../src/notify/preferences.ts";
import type { NoticeTarget } from "../../src/notify/provider.ts";

/** Where users are reached, and what they wish, as long as a test goes on. */
export class KnownTargets implements NoticeTargetStore {
  readonly preferences = new Map<string, NoticePreferences>();
  #targets: NoticeTarget[];

  constructor(...targets: readonly NoticeTarget[]) {
    this.#targets = [...targets];
  }

  async putTarget(target: NoticeTarget): Promise<void> {
    const { channel, address } = target;
    const others = this.#targets.filter(
      (one) => one.channel !== channel || one.address !== address,
    );
    this.#targets = [...others, target];
  }

  async removeTarget(userId: string, id: string): Promise<void> {
    this.#targets = this.#targets.filter((one) => one.userId !== userId || one.id !== id);
  }

  targetsOf(userId: string): NoticeTarget[] {
    return this.#targets.filter((target) => target.userId === userId);
  }

  async putPreferences(userId: string, preferences: NoticePreferences): Promise<void> {
    this.preferences.set(userId, preferences);
  }

  preferencesOf(userId: string): NoticePreferences | null {
    return this.preferences.get(userId) ?? null;
  }
}
