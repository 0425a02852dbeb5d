import type { DeadLetter, NoticeStore, NoticeTargetStore } from "../../src/notify/ports.ts";
import type { NoticePreferences } from "../../src/notify/preferences.ts";
import type { NoticeTarget } from "../../src/notify/provider.ts";

/** Targets, preferences and dead letters in memory. */
export class MemoryNotices
  implements NoticeTargetStore, Pick<NoticeStore, "deadLetters" | "replay" | "forgetLetters">
{
  targets: NoticeTarget[] = [];
  letters: DeadLetter[] = [];
  readonly #preferences = new Map<string, NoticePreferences>();

  async putTarget(target: NoticeTarget): Promise<void> {
    this.targets = this.targets.filter(
      ({ channel, address }) => channel !== target.channel || address !== target.address,
    );
    this.targets.push(target);
  }

  async removeTarget(userId: string, id: string): Promise<void> {
    this.targets = this.targets.filter((one) => one.userId !== userId || one.id !== id);
  }

  async targetsOf(userId: string): Promise<NoticeTarget[]> {
    return this.targets.filter((one) => one.userId === userId);
  }

  async putPreferences(userId: string, preferences: NoticePreferences): Promise<void> {
    this.#preferences.set(userId, preferences);
  }

  async preferencesOf(userId: string): Promise<NoticePreferences | null> {
    return this.#preferences.get(userId) ?? null;
  }

  async deadLetters(after: string | null, limit: number): Promise<DeadLetter[]> {
    return this.letters.filter(({ id }) => after === null || id > after).slice(0, limit);
  }

  async replay(letterIds: readonly string[]): Promise<number> {
    const before = this.letters.length;
    await this.forgetLetters(letterIds);
    return before - this.letters.length;
  }

  async forgetLetters(letterIds: readonly string[]): Promise<void> {
    this.letters = this.letters.filter(({ id }) => !letterIds.includes(id));
  }
}
