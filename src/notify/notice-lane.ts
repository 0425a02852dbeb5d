import type { Clock } from "../clock.ts";
import type { DueNotice } from "./ports.ts";
import type { Delivery, Notice, NoticeProvider, SendOutcome } from "./provider.ts";
import { sendWithin } from "./sending.ts";

/** A notice that is to be told. */
export interface Told {
  readonly due: DueNotice;
  readonly notice: Notice;
}

export interface NoticeLaneOptions {
  readonly provider: NoticeProvider;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Before the notices are free to be sent again. */
  readonly onOutcome: (told: readonly Told[], outcome: SendOutcome) => Promise<void>;
}

/** What is under way to one provider: as many sends at a time as it takes, so that one that hangs
 *  keeps no other waiting. */
export class NoticeLane {
  readonly #options: NoticeLaneOptions;
  /** Targets where the provider gathers; else notices. */
  readonly #busy = new Set<string>();
  #sends = 0;
  #abort = new AbortController();
  #idle: (() => void)[] = [];

  constructor(options: NoticeLaneOptions) {
    this.#options = options;
  }

  get provider(): NoticeProvider {
    return this.#options.provider;
  }

  /** Sends that may begin. */
  get room(): number {
    return Math.max(0, this.#options.provider.concurrency - this.#sends);
  }

  /** Sends whose outcome is not on disk. */
  get sends(): number {
    return this.#sends;
  }

  isBusyWith(due: DueNotice): boolean {
    return this.#busy.has(this.#keyOf(due));
  }

  /** Begins as many sends as there is room for; what has none stays due. */
  begin(told: readonly Told[]): void {
    const deliveries = new Map<string, Told[]>();
    for (const each of told) {
      const key = this.#keyOf(each.due);
      const gathered = deliveries.get(key);
      if (gathered === undefined) deliveries.set(key, [each]);
      else gathered.push(each);
    }
    for (const [key, gathered] of deliveries) {
      if (this.room === 0) return;
      void this.#send(key, gathered);
    }
  }

  /** Resolves when nothing is under way. */
  drained(): Promise<void> {
    if (this.#sends === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** What is under way is given up: it may have arrived. */
  abort(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #send(key: string, told: readonly Told[]): Promise<void> {
    const { provider, clock, timeoutMs, onOutcome } = this.#options;
    const target = told[0]?.due.target;
    if (target === undefined) return;
    this.#busy.add(key);
    this.#sends += 1;
    const delivery: Delivery = { target, notices: told.map(({ notice }) => notice) };
    const { signal } = this.#abort;
    const outcome = await sendWithin(provider, delivery, { clock, timeoutMs, signal });
    await onOutcome(told, outcome);
    this.#busy.delete(key);
    this.#sends -= 1;
    if (this.#sends > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #keyOf({ target, conversationId }: DueNotice): string {
    return this.#options.provider.gathers ? target.id : `${target.id} ${conversationId}`;
  }
}
