import type { Clock } from "../clock.ts";
import type { NoticeServers } from "./notice-servers.ts";
import type { DueNotice } from "./ports.ts";
import type { Delivery, Notice, NoticeProvider, SendOutcome } from "./provider.ts";
import { sendWithin } from "./sending.ts";

/** A notice that is to be told. */
export interface Told {
  readonly due: DueNotice;
  readonly notice: Notice;
}

/** A notice that has to wait until its server is to be sent to. */
export interface PutOff {
  readonly due: DueNotice;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

export interface NoticeLaneOptions {
  readonly provider: NoticeProvider;
  readonly servers: NoticeServers;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Before the notices are free to be sent again. */
  readonly onOutcome: (told: readonly Told[], outcome: SendOutcome) => Promise<void>;
}

/**
 * What is under way to one provider: as many sends at a time as it takes, so that one that hangs keeps
 * no other waiting.
 */
export class NoticeLane {
  readonly #options: NoticeLaneOptions;
  /** Targets, each of which gets one thing after the other. */
  readonly #busy = new Set<string>();
  #abort = new AbortController();
  #turn: Promise<void> = Promise.resolve();
  #idle: (() => void)[] = [];

  constructor(options: NoticeLaneOptions) {
    this.#options = options;
  }

  get provider(): NoticeProvider {
    return this.#options.provider;
  }

  /** Sends that may begin. */
  get room(): number {
    return Math.max(0, this.#options.servers.most - this.#busy.size);
  }

  /** Targets of sends whose outcome is not on disk. */
  get busyTargets(): readonly string[] {
    return [...this.#busy];
  }

  /**
   * Begins as many sends as there is room for; what has none stays due, as does what is for a target
   * of a send before it. Returns what its server is to be spared for now.
   */
  begin(told: readonly Told[]): readonly PutOff[] {
    const { servers } = this.#options;
    const putOff: PutOff[] = [];
    const deliveries = new Map<string, Told[]>();
    for (const each of told) {
      const { id } = each.due.target;
      const gathered = deliveries.get(id);
      if (gathered === undefined) deliveries.set(id, [each]);
      else if (this.#options.provider.gathers) gathered.push(each);
    }
    for (const [id, gathered] of deliveries) {
      const [first] = gathered;
      if (this.room === 0 || first === undefined) break;
      const server = servers.serverOf(first.due.target);
      const untilMs = servers.turnMs(server);
      if (untilMs === null) void this.#send(gathered, server);
      else {
        const waiting = told.filter(({ due }) => due.target.id === id);
        putOff.push(...waiting.map(({ due }) => ({ due, untilMs })));
      }
    }
    return putOff;
  }

  /** Resolves when nothing is under way. */
  drained(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** What is under way is given up: it may have arrived. */
  abort(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #send(told: readonly Told[], server: string): Promise<void> {
    const { provider, servers, clock, timeoutMs, onOutcome } = this.#options;
    const target = told[0]?.due.target;
    if (target === undefined) return;
    this.#busy.add(target.id);
    const ended = servers.began(server);
    const delivery: Delivery = { target, notices: told.map(({ notice }) => notice) };
    const { signal } = this.#abort;
    await this.#nextTurn();
    const outcome = await sendWithin(provider, delivery, { clock, timeoutMs, signal });
    // What a stop gives up says nothing of the server.
    ended(signal.aborted ? null : outcome);
    await onOutcome(told, outcome);
    this.#busy.delete(target.id);
    if (this.#busy.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** One send begins in a turn of the event loop: what they encrypt together messages would wait for. */
  #nextTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#turn;
  }
}
